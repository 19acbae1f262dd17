"""Whether programs are ones that exist, as far as the tables of facts tell."""

from __future__ import annotations

from collections.abc import Set

from cli_tuner.shell import is_known_utility
from cli_tuner.shell.canonical import Call, calls_in
from cli_tuner.shell.options import options_of
from cli_tuner.shell.template import DEPTHS, PROGRAMS_WITHOUT
from cli_tuner.shell.wrappers import WRAPPERS


def are_programs_known(command: str, also: Set[str] = frozenset()) -> bool | None:
    """Whether every program is one that is known, or in `also`; None if none is named.

    A name with a folder, a variable or an unknown part is somebody's own program and not judged.
    """
    names = programs_in(command)
    return all(name in also or is_program(name) for name in names) if names else None


def programs_in(command: str) -> list[str]:
    """The names that are judged."""
    return [call.name for call in calls_in(command) if _is_judged(call)]


def is_program(name: str) -> bool:
    """Whether any table has a program of this name."""
    tables = (WRAPPERS, DEPTHS, PROGRAMS_WITHOUT)
    return (
        any(name in table for table in tables)
        or is_known_utility(name)
        or options_of((name,)) is not None
    )


def _is_judged(call: Call) -> bool:
    return call.written[:1].isalnum() and not any(char in call.written for char in "$`/")
