"""What utilities and their options do, in words: `facts/*.yaml`.

    head:
      does: shows the beginning of texts
      operands: ["the text to read: {}"]        # by position; the last one is for all that follow
      last: "where it goes: {}"                 # the last of several operands
      options:
        -n --lines NUM: the first {} lines      # an argument; {} is what was given
        --color WHEN?: colours the output       # an argument that must be attached
      sub: {add: {does: ...}}                   # sub-commands, entries of the same shape
      runs: 0                                   # operands before another command begins
      style: dashed | find | bare | equals      # see below
      same_as: other                            # an entry's facts under a further name

Styles: `dashed` options are whole words (`-name`), `find` has an expression of such, `bare` takes
its first word for letters of options (`tar xzf`), `equals` has operands of the form name=value.
A description may hold `{n}` (+7 is "more than 7"), `{size}`, `{type}` and `{mode}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cli_tuner.errors import ConfigError
from cli_tuner.shell.compiled import compiled

FOLDER = Path(__file__).parent / "facts"
_KEYS = frozenset({"does", "operands", "last", "options", "sub", "runs", "style", "same_as"})
_STYLES = frozenset({"", "dashed", "find", "bare", "equals"})


class Option(NamedTuple):
    """An option in words. `argument` is the name of what it takes, "" for nothing."""

    names: tuple[str, ...]
    argument: str
    attached: bool
    meaning: str


class Known(NamedTuple):
    """A utility, or one of its sub-commands, in words. `runs` is -1 if it runs nothing."""

    name: str
    does: str
    operands: tuple[str, ...] = ()
    last: str = ""
    options: Mapping[str, Option] = {}
    subs: Mapping[str, Known] = {}
    runs: int = -1
    style: str = ""

    def option(self, word: str) -> Option | None:
        """The option of this spelling; a long one may be cut short where it stays unique."""
        found = self.options.get(word)
        if found is not None or not word.startswith("--") or len(word) < 4:
            return found
        fitting = {
            option.names: option for name, option in self.options.items() if name.startswith(word)
        }
        return next(iter(fitting.values())) if len(fitting) == 1 else None


def known_names() -> tuple[str, ...]:
    """All utilities that are described."""
    return tuple(_entries())


@cache
def known(name: str) -> Known | None:
    """What is known about a utility. Raises ConfigError if its entry is not valid."""
    data = _entries().get(name)
    if data is None:
        return None
    if "same_as" in data:
        other = known(data["same_as"])
        if other is None:
            raise ConfigError(f'facts: {name}: same_as names "{data["same_as"]}", which is unknown')
        return other._replace(name=name, does=data.get("does", other.does))
    return _known(name, data, name)


@cache
def _entries() -> Mapping[str, Any]:
    texts = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.yaml"))}
    found: Mapping[str, Any] = compiled("explain", texts, _read)
    return found


def _read(texts: Mapping[str, str]) -> Any:
    import yaml

    entries: dict[str, Any] = {}
    for file, text in texts.items():
        for name, entry in (yaml.load(text, yaml.CSafeLoader) or {}).items():
            if name in entries:
                raise ConfigError(f"facts/{file}: {name} is described twice")
            entries[str(name)] = entry
    return entries


def _known(name: str, data: Any, where: str) -> Known:
    if isinstance(data, str):
        data = {"does": data}
    if not isinstance(data, dict) or not isinstance(data.get("does"), str):
        raise ConfigError(f'facts: {where}: needs "does"')
    unknown = data.keys() - _KEYS
    if unknown:
        raise ConfigError(f'facts: {where}: unknown key "{min(unknown)}"')
    if data.get("style", "") not in _STYLES:
        raise ConfigError(f'facts: {where}: unknown style "{data["style"]}"')
    operands = data.get("operands", [])
    options: dict[str, Option] = {}
    for spelled, meaning in (data.get("options") or {}).items():
        option = _option(str(spelled), str(meaning))
        options.update(dict.fromkeys(option.names, option))
    return Known(
        name=name,
        does=data["does"],
        operands=(operands,) if isinstance(operands, str) else tuple(operands),
        last=data.get("last", ""),
        options=options,
        subs={
            str(sub): _known(str(sub), entry, f"{where} {sub}")
            for sub, entry in (data.get("sub") or {}).items()
        },
        runs=int(data.get("runs", -1)),
        style=data.get("style", ""),
    )


def _option(spelled: str, meaning: str) -> Option:
    words = spelled.split()
    last = words[-1]
    if len(words) > 1 and last.removesuffix("?").isupper() and last[0] not in "-+":
        return Option(tuple(words[:-1]), last.removesuffix("?"), last.endswith("?"), meaning)
    return Option(tuple(words), "", False, meaning)
