"""One part of a command with what it does."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """What a part is in the command's structure."""

    PROGRAM = "program"
    SUBCOMMAND = "subcommand"
    OPTION = "option"
    OPERAND = "operand"
    ASSIGNMENT = "assignment"
    REDIRECT = "redirect"
    SYNTAX = "syntax"
    UNKNOWN = "unknown"


class Source(StrEnum):
    """Where the meaning comes from."""

    SYNTAX = "syntax"
    FACTS = "facts"
    HELP = "help"
    NONE = "none"


class Part(NamedTuple):
    """A half-open range of characters, how deep it is nested, and what it means."""

    start: int
    end: int
    depth: int
    role: Role
    meaning: str
    source: Source

    def moved(self, offset: int, depth: int) -> Part:
        """The same part of a text that stands in another one."""
        return self._replace(
            start=self.start + offset, end=self.end + offset, depth=self.depth + depth
        )
