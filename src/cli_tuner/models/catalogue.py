"""The models that can be had, as data: `catalogue.toml` here and the user's own, merged.

    [base.<name>]     title, file, bytes, sha256, parameters, ram_bytes, licence, licence_url,
                      repo and revision (on the Hub), default_adapter, [[base.<name>.wheels]],
                      derived_from and trim (made here from that base's file)
    [adapter.<name>]  base, base_sha256, file, bytes, sha256, source, licence, licence_url
                      source: "package" (it comes with this program), a path, owner/name@revision

A user's entry may add, never redefine: a name that people trust means one file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NoReturn, TypeVar

from cli_tuner.errors import ConfigError, UsageError
from cli_tuner.models.entry import Adapter, BaseModel, HubPin, ModelFile, WheelPart
from cli_tuner.settings import Paths

SHIPPED = Path(__file__).with_name("catalogue.toml")
SHIPPED_ADAPTERS = SHIPPED.parent / "adapters"
PACKAGED = "package"
NO_ADAPTER = "none"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.gguf")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_PACKAGE = re.compile(r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?", re.ASCII)
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+!-]*")
_MEMBER = re.compile(r"[\w./-]{1,200}", re.ASCII)
_TRIM = re.compile(r"ascii|western")

# key: is it required? What a value must look like is _SHAPES.
_BASE_KEYS = {
    "title": True,
    "licence": True,
    "licence_url": True,
    "repo": False,
    "revision": False,
    "file": True,
    "bytes": True,
    "sha256": True,
    "parameters": True,
    "ram_bytes": True,
    "default_adapter": False,
    "wheels": False,
    "derived_from": False,
    "trim": False,
}
_ADAPTER_KEYS = {
    "base": True,
    "base_sha256": True,
    "file": True,
    "bytes": True,
    "sha256": True,
    "source": True,
    "licence": False,
    "licence_url": False,
}
_WHEEL_KEYS = {
    "package": True,
    "version": True,
    "member": True,
    "wheel_sha256": True,
    "bytes": True,
    "sha256": True,
}
_SHAPES: dict[str, tuple[re.Pattern[str], str]] = {
    "file": (_FILE, "a plain file name that ends in .gguf"),
    "sha256": (_SHA256, "64 lower-case hexadecimal digits"),
    "base_sha256": (_SHA256, "64 lower-case hexadecimal digits"),
    "wheel_sha256": (_SHA256, "64 lower-case hexadecimal digits"),
    "repo": (_REPO, "owner/name"),
    "revision": (_REVISION, "a revision of the repository"),
    "package": (_PACKAGE, "the name of a package"),
    "version": (_VERSION, "an exact version"),
    "member": (_MEMBER, "the path of a file inside the wheel"),
    "trim": (_TRIM, "ascii or western"),
}
_NUMBERS = frozenset({"bytes", "parameters", "ram_bytes"})

Value = str | int | tuple["Fields", ...]
Fields = Mapping[str, Value]


@dataclass(frozen=True)
class Catalogue:
    """All entries, by name. Bases and adapters share one space of names."""

    bases: Mapping[str, BaseModel]
    adapters: Mapping[str, Adapter]

    def __iter__(self) -> Iterator[ModelFile]:
        yield from self.bases.values()
        yield from self.adapters.values()

    def base(self, name: str) -> BaseModel:
        """The base model of this name. Raises UsageError with the nearest name."""
        return _found(name, self.bases, "model")

    def origin(self, base: BaseModel) -> BaseModel:
        """The base whose layers this one has: itself, unless it is derived."""
        return self.base(base.derived_from) if base.derived_from else base

    def adapter(self, name: str) -> Adapter:
        """The adapter of this name. Raises UsageError with the nearest name."""
        return _found(name, self.adapters, "adapter")

    def entry(self, name: str) -> ModelFile:
        """The base model or adapter of this name. Raises UsageError with the nearest name."""
        return _found(name, {**self.bases, **self.adapters}, "model")


_Entry = TypeVar("_Entry", bound=ModelFile)


def _found(name: str, entries: Mapping[str, _Entry], kind: str) -> _Entry:
    if name in entries:
        return entries[name]
    known = ", ".join(entries) or "none"
    raise UsageError(
        f"unknown {kind} {name!r}", hint=_nearest(name, entries) or f"known {kind}s: {known}"
    )


def _nearest(name: str, known: Iterable[str]) -> str | None:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else None


def load_catalogue(paths: Paths) -> Catalogue:
    """The shipped catalogue with the user's `<config>/catalogue.toml` added to it.

    Raises ConfigError, naming file, entry and key, for anything that is not valid.
    """
    shipped = _shipped()
    path = paths.config / "catalogue.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return shipped
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}", hint="make it readable") from error
    return parse_catalogue(text, str(path), shipped)


@lru_cache(maxsize=1)
def _shipped() -> Catalogue:
    empty = Catalogue({}, {})
    return parse_catalogue(SHIPPED.read_text(encoding="utf-8"), SHIPPED.name, empty)


def parse_catalogue(text: str, source: str, known: Catalogue) -> Catalogue:
    """`known` with the entries of this TOML text added. `source` is named in errors.

    An adapter that `known` has under this name with this digest is that one: what somebody trained
    here may come with a later version. Raises ConfigError for bad TOML, an unknown or missing key,
    a wrong value, a name or file that `known` already has, an adapter of a base that is not there.
    """
    import tomllib

    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: {error}", hint="correct the TOML") from error
    for kind in tables:
        if kind not in ("base", "adapter"):
            hint = _nearest(kind, ("base", "adapter")) or "entries: [base.NAME], [adapter.NAME]"
            raise ConfigError(f"{source}: unknown table {kind!r}", hint=hint)
    bases = {
        name: _base(name, _fields(table, _BASE_KEYS, where), where)
        for name, table, where in _entries(tables, "base", source)
    }
    adapters = {
        name: _adapter(name, _fields(table, _ADAPTER_KEYS, where), where)
        for name, table, where in _entries(tables, "adapter", source)
    }
    adapters = {name: one for name, one in adapters.items() if not _is_here(one, known)}
    _check_names(bases, adapters, known, source)
    merged = Catalogue({**known.bases, **bases}, {**known.adapters, **adapters})
    _check_references(merged, source)
    return merged


def _entries(
    tables: Mapping[str, object], kind: str, source: str
) -> Iterable[tuple[str, object, str]]:
    group = tables.get(kind, {})
    if not isinstance(group, dict):
        raise ConfigError(f"{source}: {kind} is not a table", hint=f"write [{kind}.NAME]")
    for name, table in group.items():
        where = f"{source}: {kind}.{name}"
        if not _NAME.fullmatch(name) or name == NO_ADAPTER:
            raise ConfigError(f"{where}: not a name", hint="use a-z, 0-9, '.', '_' and '-'")
        yield name, table, where


def _fields(table: object, keys: Mapping[str, bool], where: str) -> Fields:
    """One table, with every key known, none missing, every value of its type and shape."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: not a table", hint="write its keys below a [header]")
    for key in table:
        if key not in keys:
            hint = _nearest(key, keys) or f"known keys: {', '.join(keys)}"
            raise ConfigError(f'{where}: unknown key "{key}"', hint=hint)
    missing = [key for key, required in keys.items() if required and key not in table]
    if missing:
        raise ConfigError(f"{where}: {', '.join(missing)} missing", hint="add it")
    return {key: _value(key, value, where) for key, value in table.items()}


def _value(key: str, value: object, where: str) -> Value:
    if key == "wheels":
        if not isinstance(value, list):
            _wrong(where, key, "an array of tables")
        parts = enumerate(value, start=1)
        return tuple(_fields(item, _WHEEL_KEYS, f"{where}.wheels[{n}]") for n, item in parts)
    if key in _NUMBERS:
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            _wrong(where, key, "a whole number above 0")
        return value
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        _wrong(where, key, "a text")
    if key in _SHAPES and not _SHAPES[key][0].fullmatch(value):
        _wrong(where, key, _SHAPES[key][1])
    return value


def _wrong(where: str, key: str, expected: str) -> NoReturn:
    raise ConfigError(f"{where}: {key} must be {expected}", hint="correct it")


def _text(fields: Fields, key: str) -> str:
    return str(fields.get(key, ""))


def _number(fields: Fields, key: str) -> int:
    return int(str(fields[key]))


def _base(name: str, fields: Fields, where: str) -> BaseModel:
    if ("repo" in fields) != ("revision" in fields):
        raise ConfigError(f"{where}: repo and revision belong together", hint="give both")
    parts = fields.get("wheels", ())
    base = BaseModel(
        name=name,
        title=_text(fields, "title"),
        file=_text(fields, "file"),
        size_bytes=_number(fields, "bytes"),
        sha256=_text(fields, "sha256"),
        licence=_text(fields, "licence"),
        licence_url=_text(fields, "licence_url"),
        parameters=_number(fields, "parameters"),
        ram_bytes=_number(fields, "ram_bytes"),
        default_adapter=_text(fields, "default_adapter") or None,
        hub=HubPin(_text(fields, "repo"), _text(fields, "revision")) if "repo" in fields else None,
        wheels=tuple(_wheel(part) for part in parts) if isinstance(parts, tuple) else (),
        derived_from=_text(fields, "derived_from") or None,
        trim=_text(fields, "trim") or None,
    )
    _check_derivation(base, where)
    if base.wheels and sum(part.size_bytes for part in base.wheels) != base.size_bytes:
        raise ConfigError(f"{where}: the wheels' bytes do not add up to bytes", hint="correct them")
    return base


def _check_derivation(base: BaseModel, where: str) -> None:
    if (base.derived_from is None) != (base.trim is None):
        raise ConfigError(f"{where}: derived_from and trim belong together", hint="give both")
    if base.derived_from is not None and base.wheels:
        raise ConfigError(f"{where}: a derived model has no wheels", hint="leave them out")


def _wheel(fields: Fields) -> WheelPart:
    return WheelPart(
        package=_text(fields, "package"),
        version=_text(fields, "version"),
        member=_text(fields, "member"),
        wheel_sha256=_text(fields, "wheel_sha256"),
        size_bytes=_number(fields, "bytes"),
        sha256=_text(fields, "sha256"),
    )


def _adapter(name: str, fields: Fields, where: str) -> Adapter:
    source = _text(fields, "source")
    is_packaged = source == PACKAGED
    hub, local = (None, None) if is_packaged else _origin(source, where)
    return Adapter(
        name=name,
        base=_text(fields, "base"),
        base_sha256=_text(fields, "base_sha256"),
        file=_text(fields, "file"),
        size_bytes=_number(fields, "bytes"),
        sha256=_text(fields, "sha256"),
        licence=_text(fields, "licence"),
        licence_url=_text(fields, "licence_url"),
        hub=hub,
        local=local,
        packaged=SHIPPED_ADAPTERS / _text(fields, "file") if is_packaged else None,
    )


def _origin(source: str, where: str) -> tuple[HubPin | None, Path | None]:
    """Where an adapter comes from: a file ("/..." or "~/..."), or the Hub ("owner/name@rev")."""
    if source.startswith(("/", "~/")):
        return None, Path(source).expanduser()
    repo, at, revision = source.partition("@")
    if at and _REPO.fullmatch(repo) and _REVISION.fullmatch(revision):
        return HubPin(repo, revision), None
    _wrong(where, "source", "an absolute path, or owner/name@revision on the Hub")


def _is_here(adapter: Adapter, known: Catalogue) -> bool:
    shipped = known.adapters.get(adapter.name)
    return shipped is not None and shipped.sha256 == adapter.sha256


def _check_names(
    bases: Mapping[str, ModelFile],
    adapters: Mapping[str, ModelFile],
    known: Catalogue,
    source: str,
) -> None:
    for name in (*bases, *adapters):
        taken = name in known.bases or name in known.adapters
        if taken or (name in bases and name in adapters):
            raise ConfigError(f"{source}: {name!r} is already defined", hint="choose another name")
    owner: dict[str, str] = {entry.file: entry.name for entry in known}
    for entry in (*bases.values(), *adapters.values()):
        first = owner.setdefault(entry.file, entry.name)
        if first != entry.name:
            raise ConfigError(
                f"{source}: {entry.name} and {first} have the same file {entry.file}",
                hint="give it another file name",
            )


def _check_references(catalogue: Catalogue, source: str) -> None:
    for adapter in catalogue.adapters.values():
        if adapter.base not in catalogue.bases:
            hint = _nearest(adapter.base, catalogue.bases)
            raise ConfigError(
                f"{source}: adapter.{adapter.name}: no base is called {adapter.base!r}", hint=hint
            )
    for base in catalogue.bases.values():
        _check_origin(base, catalogue, source)
        default = base.default_adapter
        if default is not None and default not in catalogue.adapters:
            raise ConfigError(
                f"{source}: base.{base.name}: no adapter is called {default!r}",
                hint=_nearest(default, catalogue.adapters),
            )


def _check_origin(base: BaseModel, catalogue: Catalogue, source: str) -> None:
    if base.derived_from is None:
        return
    origin = catalogue.bases.get(base.derived_from)
    if origin is None or origin.derived_from is not None:
        raise ConfigError(
            f"{source}: base.{base.name}: {base.derived_from!r} is no base that can be fetched",
            hint=_nearest(base.derived_from, catalogue.bases),
        )
