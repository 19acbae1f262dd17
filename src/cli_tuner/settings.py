"""Where things are and how the program is configured. Made to start fast.

Every answer waits for these imports, which is why there are named tuples here and not dataclasses
(10 ms, for `inspect`), and why what is needed seldom is imported where it is needed.

Precedence: flag > `CLI_TUNER_*` environment > user file > system file > default. `safety` is the
exception: each of them may tighten it, none may loosen it.

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
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from cli_tuner.errors import ConfigError

APP = "cli-tuner"
_SOCKET_PATH_MAX = 100  # sun_path holds 108 bytes on Linux, 104 on macOS
LOCAL = "local"


class Paths(NamedTuple):
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
        if _on_linux():
            return _xdg_paths(environ)
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


def _on_linux() -> bool:
    return sys.platform.startswith("linux")


def _xdg_paths(environ: Mapping[str, str]) -> Paths:
    """What platformdirs says on Linux (a test compares), without its 8 ms of imports."""
    home = Path(environ.get("HOME") or Path.home())

    def base(variable: str, below_home: str) -> Path:
        return Path(environ.get(variable, "").strip() or home / below_home) / APP

    system = environ.get("XDG_CONFIG_DIRS", "").strip().split(":")[0] or "/etc/xdg"
    return Paths(
        config=base("XDG_CONFIG_HOME", ".config"),
        system_config=Path(system) / APP / "config.toml",
        data=base("XDG_DATA_HOME", ".local/share"),
        state=base("XDG_STATE_HOME", ".local/state"),
        cache=base("XDG_CACHE_HOME", ".cache"),
        runtime=_runtime_folder(environ),
    )


def _runtime_folder(environ: Mapping[str, str]) -> Path:
    session = environ.get("XDG_RUNTIME_DIR")
    if session and os.access(session, os.W_OK):
        return _short_enough(Path(session) / APP)
    return _temp_folder() / f"{APP}-{_uid()}"


def _short_enough(folder: Path) -> Path:
    """The folder itself, or a short stand-in when a socket in it would not fit."""
    if len(os.fsencode(folder)) + len("/engine-0123456789ab.sock") <= _SOCKET_PATH_MAX:
        return folder
    import hashlib

    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return _temp_folder() / f"{APP}-{_uid()}-{name}"


def _temp_folder() -> Path:
    """What `tempfile` would say, which takes 2 ms to import, for the two usual answers."""
    for folder in (os.environ.get("TMPDIR"), "/tmp"):  # noqa: S108  made private afterwards
        if folder and os.path.isabs(folder) and os.access(folder, os.W_OK | os.X_OK):  # noqa: PTH117
            return Path(folder)
    import tempfile

    return Path(tempfile.gettempdir())


def _uid() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def current_folder() -> str:
    """The folder that commands would run in; empty if it was removed meanwhile."""
    try:
        return os.getcwd()  # noqa: PTH109  as a text, which is what crosses to the engine
    except FileNotFoundError:
        return ""


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


class Settings(NamedTuple):
    """Every setting, resolved."""

    model: str = "balanced"  # the reference of the model that answers
    backend: str = LOCAL  # local, or the URL of an OpenAI-compatible endpoint
    safety: str = "moderate"  # moderate or strict
    max_new_tokens: int = 96  # the longest answer, in tokens
    idle_minutes: float = 15.0  # minutes without a question until the engine unloads
    threads: int = 0  # threads of the engine; 0: one per core
    timeout_s: float = 120.0  # seconds to wait for an answer
    rate_limit: int = 120  # requests a minute; 0: no limit
    retain_queries: bool = False  # keep raw queries in the journal
    color: str = "auto"  # auto, always, never, or plain: for screen readers


_CHOICES = {"safety": ("moderate", "strict"), "color": ("auto", "always", "never", "plain")}
_RANGES: dict[str, tuple[float, float]] = {
    "max_new_tokens": (1, 1024),
    "idle_minutes": (0.01, 10_080),
    "threads": (0, 256),
    "timeout_s": (0.1, 3600),
    "rate_limit": (0, 1_000_000),
}
_TYPES: dict[str, type] = {name: type(value) for name, value in Settings()._asdict().items()}


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


class Origin(NamedTuple):
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
    found = {name: Origin(value, "default") for name, value in Settings()._asdict().items()}
    for path in (paths.system_config, paths.config_file):
        _overlay(found, read_config(path), _named(path))
    variables = {name: f"CLI_TUNER_{name.upper()}" for name in _TYPES}
    given = {
        name: parse_setting(name, environ[variable], variable)
        for name, variable in variables.items()
        if variable in environ
    }
    _overlay(found, given, variables.__getitem__)
    chosen = {
        name: parse_setting(name, value, f"--{name}")
        for name, value in (flags or {}).items()
        if value is not None
    }
    _overlay(found, chosen, lambda _: "flag")
    return found


def _named(path: Path) -> Callable[[str], str]:
    return lambda _: str(path)


def _overlay(
    found: dict[str, Origin], layer: Mapping[str, object], source: Callable[[str], str]
) -> None:
    """Put one layer over those below it. Safety can be tightened by a layer, never loosened."""
    for name, value in layer.items():
        if name == "safety" and found[name].value == "strict":
            continue
        found[name] = Origin(value, source(name))


def load_settings(
    flags: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """The settings that are in force. Raises ConfigError as `resolve` does."""
    values = {name: origin.value for name, origin in resolve(flags, environ).items()}
    return Settings(**values)  # type: ignore[arg-type]  # parse_setting saw to the types


def api_key(environ: Mapping[str, str] | None = None) -> str | None:
    """The key for a remote endpoint, from the environment alone."""
    return (os.environ if environ is None else environ).get("CLI_TUNER_API_KEY") or None
