"""Where things are and how the program is configured. Standard library only: it starts fast.

Precedence: flag > `CLI_TUNER_*` environment > user file > system file > default.

    user file     ~/.config/cli-tuner/config.toml     (XDG_CONFIG_HOME)
    system file   /etc/xdg/cli-tuner/config.toml      (XDG_CONFIG_DIRS)
    models        ~/.local/share/cli-tuner/models     (XDG_DATA_HOME)
    journal, key  ~/.local/state/cli-tuner            (XDG_STATE_HOME)
    sockets       /run/user/<uid>/cli-tuner           (XDG_RUNTIME_DIR), else in the temp folder

`CLI_TUNER_HOME=/some/folder` puts all of them below one folder. Secrets are read from the
environment only (`CLI_TUNER_API_KEY`) and appear in no file, log or representation.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from cli_tuner.errors import ConfigError

APP = "cli-tuner"
_SOCKET_PATH_MAX = 100  # sun_path holds 108 bytes on Linux, 104 on macOS
LOCAL = "local"


@dataclass(frozen=True)
class Paths:
    """The folders of one user. Nothing is created by asking for them."""

    config: Path
    system_config: Path
    data: Path
    state: Path
    cache: Path
    runtime: Path

    @property
    def config_file(self) -> Path:
        """The user's configuration file."""
        return self.config / "config.toml"

    @property
    def models(self) -> Path:
        """Where model files live."""
        return self.data / "models"

    @classmethod
    def of(cls, environ: Mapping[str, str] | None = None) -> Paths:
        """The folders that this environment names."""
        environ = os.environ if environ is None else environ
        home = environ.get("CLI_TUNER_HOME")
        if home:
            root = Path(home).expanduser().absolute()
            return cls(
                config=root / "config",
                system_config=root / "system" / "config.toml",
                data=root / "data",
                state=root / "state",
                cache=root / "cache",
                runtime=_short_enough(root / "run"),
            )
        from platformdirs import PlatformDirs

        dirs = PlatformDirs(APP, appauthor=False)
        return cls(
            config=Path(dirs.user_config_dir),
            system_config=Path(dirs.site_config_dir) / "config.toml",
            data=Path(dirs.user_data_dir),
            state=Path(dirs.user_state_dir),
            cache=Path(dirs.user_cache_dir),
            runtime=_runtime_folder(environ),
        )


def _runtime_folder(environ: Mapping[str, str]) -> Path:
    session = environ.get("XDG_RUNTIME_DIR")
    if session and os.access(session, os.W_OK):
        return _short_enough(Path(session) / APP)
    return Path(tempfile.gettempdir()) / f"{APP}-{_uid()}"


def _short_enough(folder: Path) -> Path:
    """The folder itself, or a short stand-in when a socket in it would not fit."""
    if len(os.fsencode(folder)) + len("/engine-0123456789ab.sock") <= _SOCKET_PATH_MAX:
        return folder
    import hashlib

    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"{APP}-{_uid()}-{name}"


def _uid() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def private_folder(path: Path) -> Path:
    """Make a folder for this user alone (0700) and check that it is one.

    Raises ConfigError if it cannot be made or belongs to somebody else: in a shared temp folder
    another user may have been there first.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat(follow_symlinks=False)
        if not path.is_dir() or path.is_symlink() or status.st_uid != _uid():
            raise ConfigError(f"{path} is not a folder of this user", hint="move it away")
        if status.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise ConfigError(
            f"cannot use the folder {path}: {error.strerror}",
            hint="set CLI_TUNER_HOME to a folder you can write to",
        ) from error
    return path


@dataclass(frozen=True)
class Settings:
    """Every setting, resolved. The comment is what `cli-tuner config` says about it."""

    model: str = field(default="fast", metadata={"help": "model that answers"})
    backend: str = field(default=LOCAL, metadata={"help": "local, or the URL of an endpoint"})
    safety: str = field(default="moderate", metadata={"help": "moderate or strict"})
    max_new_tokens: int = field(default=96, metadata={"help": "longest answer, in tokens"})
    idle_minutes: float = field(default=15.0, metadata={"help": "minutes until the engine unloads"})
    threads: int = field(default=0, metadata={"help": "threads of the engine; 0: one per core"})
    timeout_s: float = field(default=120.0, metadata={"help": "seconds to wait for an answer"})
    rate_limit: int = field(default=120, metadata={"help": "requests a minute; 0: no limit"})
    retain_queries: bool = field(default=False, metadata={"help": "keep raw queries"})
    color: str = field(default="auto", metadata={"help": "auto, always or never"})


_CHOICES = {"safety": ("moderate", "strict"), "color": ("auto", "always", "never")}
_RANGES: dict[str, tuple[float, float]] = {
    "max_new_tokens": (1, 1024),
    "idle_minutes": (0.01, 10_080),
    "threads": (0, 256),
    "timeout_s": (0.1, 3600),
    "rate_limit": (0, 1_000_000),
}
_TYPES: dict[str, type] = {item.name: type(item.default) for item in fields(Settings)}


def setting_names() -> tuple[str, ...]:
    """The names of all settings, in their order."""
    return tuple(_TYPES)


def parse_setting(name: str, value: object, source: str) -> object:
    """One setting's value, checked. `source` is named in the error.

    Raises ConfigError for an unknown name (with the nearest one), a wrong type or range.
    """
    if name not in _TYPES:
        raise ConfigError(f'{source}: unknown key "{name}"', hint=_nearest(name))
    parsed = _converted(name, value, source)
    if name in _CHOICES and parsed not in _CHOICES[name]:
        raise ConfigError(f"{source}: {name} must be one of {', '.join(_CHOICES[name])}")
    if name in _RANGES:
        low, high = _RANGES[name]
        if not low <= float(str(parsed)) <= high:
            raise ConfigError(f"{source}: {name} must be between {low:g} and {high:g}")
    return parsed


def _converted(name: str, value: object, source: str) -> object:
    kind = _TYPES[name]
    if isinstance(value, str) and kind is not str:
        value = _from_text(value, kind)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind or value == "":
        names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
        raise ConfigError(f"{source}: {name} must be {names[kind]}")
    return value


def _from_text(text: str, kind: type) -> object:
    if kind is bool:
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
            text.lower(), text
        )
    try:
        return kind(text)
    except ValueError:
        return text


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, _TYPES, n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else f"known keys: {', '.join(_TYPES)}"


def read_config(path: Path) -> dict[str, object]:
    """The settings in one TOML file; empty if there is none.

    Raises ConfigError if it cannot be read, is not TOML, or holds an unknown or wrong setting.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    import tomllib

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    return {name: parse_setting(name, value, str(path)) for name, value in table.items()}


@dataclass(frozen=True)
class Origin:
    """Where a setting's value came from."""

    value: object
    source: str


def resolve(
    flags: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, Origin]:
    """Every setting with its value and where it came from. Flags of None are not given.

    Raises ConfigError as `read_config` does.
    """
    environ = os.environ if environ is None else environ
    paths = Paths.of(environ)
    found = {name: Origin(value, "default") for name, value in vars(Settings()).items()}
    for path in (paths.system_config, paths.config_file):
        found |= {name: Origin(value, str(path)) for name, value in read_config(path).items()}
    for name in _TYPES:
        variable = f"CLI_TUNER_{name.upper()}"
        if variable in environ:
            found[name] = Origin(parse_setting(name, environ[variable], variable), variable)
    for name, value in (flags or {}).items():
        if value is not None:
            found[name] = Origin(parse_setting(name, value, f"--{name}"), "flag")
    return found


def load_settings(
    flags: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """The settings that are in force. Raises ConfigError as `resolve` does."""
    values = {name: origin.value for name, origin in resolve(flags, environ).items()}
    return replace(Settings(), **values)  # type: ignore[arg-type]  # checked by parse_setting


def api_key(environ: Mapping[str, str] | None = None) -> str | None:
    """The key for a remote endpoint, from the environment alone."""
    return (os.environ if environ is None else environ).get("CLI_TUNER_API_KEY") or None
