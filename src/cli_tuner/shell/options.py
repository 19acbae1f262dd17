"""Which option names of a program mean the same, which take an argument, and which there are.

`options.txt` is a table of facts, one program or sub-command a line:

    sed: -E,-r,--regexp-extended -e,--expression= -i,--in-place? ...

Names joined by a comma mean the same; `=` takes an argument, `?` one that is part of the word. `!`
says that the table is complete enough to call an option that it lacks wrong. How it was made, from
which sources and under which licences, is said in its first lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cli_tuner.shell.facts import Facts, facts_of

_FILE = Path(__file__).parent / "options.txt"
_ALWAYS = frozenset({"--help", "--version"})


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one program, or of one of its sub-commands with those of the program.

    `names` maps each name to the one that stands for its group; `takes` has the names whose
    argument may be the next word, `attaches` those whose argument may follow in the same one.
    """

    names: Mapping[str, str]
    takes: frozenset[str]
    attaches: frozenset[str]
    complete: bool

    def one_name(self, option: str) -> str:
        """The name that stands for this one and those that mean the same."""
        return self.names.get(option, option)

    def knows(self, option: str) -> bool | None:
        """Whether there is such an option; None if nobody knows."""
        if option in self.names or option in _ALWAYS:
            return True
        return False if self.complete else None


def options_of(path: tuple[str, ...]) -> Options | None:
    """What is known of a program's options, as in ("git", "commit"); None for nothing."""
    found = [_table(" ".join(path[:depth])) for depth in range(1, len(path) + 1)]
    tables = [table for table in found if table is not None]
    facts = _facts(path)
    if not tables and facts is None:
        return None
    names: dict[str, str] = {}
    takes: set[str] = set()
    attaches: set[str] = set()
    for table in tables:
        names |= table.names
        takes |= table.takes
        attaches |= table.attaches
    if facts is not None:
        # Facts are shared by several programs; a table of the very program is more exact.
        described = {*facts.options, *facts.values} - set(names)
        takes |= described
        names |= {name: name for name in (described | set(facts.flags)) - set(names)}
    # Of a program with sub-commands only the table of the very sub-command can be complete.
    complete = bool(found[-1] and found[-1].complete)
    return Options(names, frozenset(takes), frozenset(attaches), complete)


def _facts(path: tuple[str, ...]) -> Facts | None:
    facts = facts_of(path[0])
    for name in path[1:]:
        if facts is None or name not in facts.sub:
            break
        facts = facts.sub[name]
    return facts


@cache
def _lines() -> Mapping[str, str]:
    lines = _FILE.read_text("utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


@cache
def _table(path: str) -> Options | None:
    complete = f"{path}!" in _lines()
    line = _lines().get(f"{path}!" if complete else path)
    if line is None:
        return None
    names: dict[str, str] = {}
    takes: set[str] = set()
    attaches: set[str] = set()
    for group in line.split():
        members = group.rstrip("=?").split(",")
        names |= dict.fromkeys(members, _standing_for(members))
        if group.endswith("="):
            takes.update(members)
        elif group.endswith("?"):
            attaches.update(members)
    return Options(names, frozenset(takes), frozenset(attaches), complete)


def _standing_for(names: list[str]) -> str:
    """The short one if there is one: it is what most commands have."""
    return next((name for name in names if not name.startswith("--")), names[0])
