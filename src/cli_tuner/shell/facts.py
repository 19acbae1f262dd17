"""What utilities do with their options and operands, as data: `commands/*.yaml`.

A utility's entry:

    operands: delete                   # every operand; or {first: skip, rest: read, last: write}
    flags: {recursive: "-r --recursive"}    # option -> attribute of the effects
    options: {write: "-o --output"}         # option whose argument is a path with that effect
    values: "-n --lines"                    # option whose argument does not matter
    effects: [{kind: power, target: machine, unless: [cancel]}]
    sub: {push: {...}}                      # sub-commands, entries of the same shape
    output: downloaded                      # taints of what it prints
    single_dash: true                       # -name is one option, not a cluster
    adds: [install]                         # attributes of all effects

The files are read once and kept as JSON (`compiled`); an entry becomes Facts when it is used: a
command uses three utilities and not three hundred. An unknown key is an error that names the
nearest one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cli_tuner.errors import PolicyError
from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.compiled import compiled

FOLDER = Path(__file__).parent / "commands"
_ENTRY = re.compile(r"^(?=[^\s#].*:[ \t]*$)", re.M)
_KEYS = (
    "operands", "flags", "options", "values", "effects", "sub", "output", "single_dash", "adds"
)  # fmt: skip
_EFFECT_KEYS = ("kind", "target", "attributes", "when", "unless")
_ROLES = ("first", "rest", "last")
_KINDS = frozenset(kind.value for kind in EffectKind) | {"skip"}


@dataclass(frozen=True, slots=True)
class FixedEffect:
    """An effect that follows from calling the utility, or from one of its flags."""

    kind: EffectKind
    target: str | None
    attributes: tuple[str, ...]
    when: frozenset[str]
    unless: frozenset[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """One utility, or one of its sub-commands."""

    first: str = "skip"
    rest: str = "skip"
    last: str = ""
    flags: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    values: frozenset[str] = frozenset()
    effects: tuple[FixedEffect, ...] = ()
    sub: Mapping[str, Facts] = field(default_factory=dict)
    output: tuple[str, ...] = ()
    single_dash: bool = False
    adds: tuple[str, ...] = ()

    def role(self, index: int, count: int) -> str:
        """What happens to operand `index` of `count`."""
        if self.last and index == count - 1:
            return self.last
        return self.first if index == 0 else self.rest

    def takes_argument(self, option: str) -> bool:
        """Whether the next word belongs to this option."""
        return option in self.values or option in self.options

    def long_option(self, name: str) -> str:
        """The full name of a long option that may be abbreviated."""
        if name in self.flags or self.takes_argument(name):
            return name
        known = {*self.flags, *self.options, *self.values}
        fitting = [option for option in known if option.startswith(name)]
        return fitting[0] if len(fitting) == 1 else name


@cache
def _entries() -> Mapping[str, Any]:
    """{"names": {utility: index}, "entries": [[file, what it says]]} of all files."""
    texts = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.yaml"))}
    found: Mapping[str, Any] = compiled("commands", texts, _read)
    return found


def _read(texts: Mapping[str, str]) -> Any:
    names: dict[str, int] = {}
    entries: list[tuple[str, Any]] = []
    for file, text in texts.items():
        for entry in _ENTRY.split(text):
            described = entry.partition(":\n")[0]
            called = [name.strip().strip('"') for name in described.split(",") if name.strip()]
            if not called or described.startswith("#"):
                continue
            names.update(dict.fromkeys(called, len(entries)))
            entries.append((file, _entry(entry, f"commands/{file}: {called[0]}")))
    return {"names": names, "entries": entries}


def _entry(text: str, where: str) -> Any:
    import yaml

    # The names are cut off: YAML allows no key longer than 1,024 characters.
    try:
        data = yaml.load("entry:\n" + text.partition(":\n")[2], yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise PolicyError(f"{where}: {error}") from error
    return next(iter(data.values())) or {}


def utility_names() -> tuple[str, ...]:
    """All utilities that are described, in the order of the files."""
    return tuple(_entries()["names"])


@cache
def facts_of(name: str) -> Facts | None:
    """What is known about a utility, or None.

    Raises PolicyError if its entry is not valid.
    """
    index = _entries()["names"].get(name)
    if index is None:
        return None
    file, data = _entries()["entries"][index]
    return _facts(data, f"commands/{file}: {name}")


def _facts(data: Any, where: str) -> Facts:
    if not isinstance(data, dict):
        raise PolicyError(f"{where}: must be a mapping")
    _check_keys(data, _KEYS, where)
    operands = data.get("operands", "skip")
    if isinstance(operands, str):
        operands = {"first": operands, "rest": operands}
    _check_keys(operands, _ROLES, where)
    rest = operands.get("rest", "skip")
    subs = _sub_commands(data.get("sub") or {}, where)
    return Facts(
        first=_kind(operands.get("first", rest), where),
        rest=_kind(rest, where),
        last=_kind(operands["last"], where) if "last" in operands else "",
        flags=_by_option(data.get("flags"), where),
        options={o: _kind(k, where) for o, k in _by_option(data.get("options"), where).items()},
        values=frozenset(str(data.get("values", "")).split()),
        effects=tuple(_fixed(item, where) for item in data.get("effects") or ()),
        sub=subs,
        output=tuple(str(data.get("output", "")).split()),
        single_dash=bool(data.get("single_dash", False)),
        adds=tuple(data.get("adds") or ()),
    )


def _sub_commands(data: Mapping[Any, Any], where: str) -> dict[str, Facts]:
    """Sub-commands by name. A name without an entry of its own shares the next one's."""
    subs: dict[str, Facts] = {}
    waiting: list[str] = []
    for names, entry in data.items():
        waiting += [name.strip() for name in str(names).split(",")]
        if entry is not None:
            facts = _facts(entry, f"{where} {waiting[-1]}")
            subs.update(dict.fromkeys(waiting, facts))
            waiting = []
    subs.update(dict.fromkeys(waiting, Facts()))
    return subs


def _by_option(data: Any, where: str) -> dict[str, str]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise PolicyError(f"{where}: flags and options map a word to options")
    table: dict[str, str] = {}
    for word, options in data.items():
        for option in str(options).split():
            table[option] = f"{table[option]} {word}" if option in table else str(word)
    return table


def _fixed(data: Any, where: str) -> FixedEffect:
    if not isinstance(data, dict):
        raise PolicyError(f"{where}: an effect is a mapping")
    _check_keys(data, _EFFECT_KEYS, where)
    return FixedEffect(
        kind=EffectKind(_kind(data.get("kind"), where)),
        target=data.get("target"),
        attributes=tuple(data.get("attributes") or ()),
        when=frozenset(data.get("when") or ()),
        unless=frozenset(data.get("unless") or ()),
    )


def _kind(value: Any, where: str) -> str:
    if value not in _KINDS:
        from difflib import get_close_matches

        hint = get_close_matches(str(value), _KINDS, 1)
        raise PolicyError(
            f'{where}: unknown effect "{value}"',
            hint=f'did you mean "{hint[0]}"?' if hint else None,
        )
    return str(value)


def _check_keys(data: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    for key in data:
        if key not in allowed:
            from difflib import get_close_matches

            hint = get_close_matches(str(key), allowed, 1)
            raise PolicyError(
                f'{where}: unknown key "{key}"', hint=f'did you mean "{hint[0]}"?' if hint else None
            )
