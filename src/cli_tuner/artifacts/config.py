"""A stage's configuration: YAML to a frozen class, with errors that name the line.

An unknown key is an error that suggests the nearest one. `--set sources.0.path=x` replaces one
value; what follows `=` is read as YAML.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from cli_tuner.errors import ConfigError


class Config(BaseModel):
    """The base of configurations: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


C = TypeVar("C", bound=Config)
_Loc = tuple[int | str, ...]


def load_config(path: Path, kind: type[C], changes: Sequence[str] = ()) -> C:
    """The configuration in a YAML file, with `key.path=value` changes applied.

    Raises ConfigError that names the file, the line and the key.
    """
    tree = _tree(path)
    data = {} if tree is None else _Loader("").construct_document(tree)
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: a configuration is a mapping of keys to values")
    for change in changes:
        _apply(data, change)
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        known, loc = _resolved(kind, first["loc"])
        where = _changed(changes, loc) or f"{path}:{_line_of(tree, loc)}"
        raise _explained(where, loc, first["type"], first["msg"], known) from None


def _changed(changes: Iterable[str], loc: _Loc) -> str:
    """The change that a place comes from, as it was given, or ""."""
    place = ".".join(map(str, loc)) + "."
    fitting = [one for one in changes if place.startswith(f"{one.partition('=')[0]}.")]
    return f"--set {fitting[-1]}" if fitting else ""


def _explained(where: str, loc: _Loc, kind: str, message: str, known: list[str]) -> ConfigError:
    name = ".".join(map(str, loc))
    if kind == "extra_forbidden":
        close = get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
        hint = f'did you mean "{close[0]}"?' if close else f"known keys: {', '.join(known)}"
        return ConfigError(f'{where}: unknown key "{name}"', hint=hint)
    if kind == "missing":
        return ConfigError(f'{where}: the key "{name}" is missing')
    said = message.removeprefix("Value error, ")
    return ConfigError(f"{where}: {name}: {said[:1].lower()}{said[1:]}")


_BOOLEAN = "tag:yaml.org,2002:bool"


class _Loader(yaml.SafeLoader):
    """YAML in which a key that is given twice is an error, not the last one's silent victory.

    Only `true` and `false` are booleans, as in YAML 1.2: `tracking: off` is a word.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The mapping, if each of its keys is there once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f'the key "{key.value}" is given twice', problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [one for one in resolvers if one[0] != _BOOLEAN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    _BOOLEAN, re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), "tTfF"
)


def _tree(path: Path) -> Any:
    """The file's nodes, which know their lines. None for an empty file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 at byte {error.start}") from error
    try:
        tree = yaml.compose(text, _Loader)
        if tree is not None:
            _Loader("").construct_document(tree)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {error}") from error
    return tree


def _apply(data: Any, change: str) -> None:
    """Set one value; lists are indexed by number."""
    name, equals, text = change.partition("=")
    if not equals or not name:
        raise ConfigError(f"--set {change}: write it as key.path=value")
    *way, last = name.split(".")
    where = data
    for part in way:
        where = _step(where, part, change)
    if isinstance(where, dict):
        where[last] = _value(text, change)
    elif isinstance(where, list) and last.isdigit() and int(last) < len(where):
        where[int(last)] = _value(text, change)
    else:
        raise ConfigError(f"--set {change}: there is no {last} there")


def _value(text: str, change: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506  a SafeLoader
    except yaml.YAMLError as error:
        said = getattr(error, "problem", None) or "cannot be read"
        raise ConfigError(f"--set {change}: {text} is not YAML: {said}") from error


def _step(where: Any, part: str, change: str) -> Any:
    if isinstance(where, dict):
        if where.get(part) is None:
            where[part] = {}
        return where[part]
    if isinstance(where, list) and part.isdigit() and int(part) < len(where):
        return where[int(part)]
    raise ConfigError(f"--set {change}: there is no {part} there")


def _resolved(kind: type[BaseModel], loc: _Loc) -> tuple[list[str], _Loc]:
    """The keys known at the error's place, and its place without the names of union members."""
    models = [kind]
    real: list[int | str] = []
    for position, part in enumerate(loc, start=1):
        if isinstance(part, int):
            real.append(part)
            continue
        chosen = [model for model in models if _tag(model) == part]
        if chosen and not any(part in model.model_fields for model in models):
            models = chosen
            continue
        real.append(part)
        if position < len(loc):
            fields = [model.model_fields[part] for model in models if part in model.model_fields]
            models = [found for field in fields for found in _models_in(field.annotation)]
    return sorted({name for model in models for name in model.model_fields}), tuple(real)


def _tag(model: type[BaseModel]) -> object:
    field = model.model_fields.get("kind")
    return field.default if field is not None else None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models_in(inner)


def _line_of(tree: Any, loc: _Loc) -> int:
    """The line where a value, or the nearest thing around it, begins."""
    line = tree.start_mark.line + 1 if tree is not None else 1
    node = tree
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == part]
            if not found:
                return line
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                return line
            node = node.value[part]
            line = node.start_mark.line + 1
    return int(line)
