"""Whether a journal still says what was written: reads it once, in bounded memory.

Found: a record edited, removed, moved, inserted or cut off the end, by accident or by hand.
Not found: a rewrite of the whole file and its head by somebody who recomputes every hash. The
hashes have no key because whoever may write the journal may read a key beside it as well; keep
the head's hash elsewhere if you must rely on it against that person.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cli_tuner.journal.files import failure, locked, open_private
from cli_tuner.journal.head import START, Head, read_head
from cli_tuner.journal.line import GENESIS, Line, parse_line
from cli_tuner.journal.read import lines_forwards


class BreakKind(StrEnum):
    """What was done to a chain."""

    EDITED = "edited"
    REMOVED = "removed"
    REORDERED = "reordered"
    INSERTED = "inserted"
    SHORTENED = "shortened"
    HEAD_LOST = "head_lost"


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a chain does not hold. `line` counts from 1."""

    line: int
    kind: BreakKind
    detail: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What `verify` found in one journal.

    `records` whole lines; `torn` unfinished ones, left by a crash, with nothing lost but
    themselves; `broken` the first break, None if the chain holds.
    """

    path: Path
    records: int
    torn: int = 0
    first_torn: int | None = None
    broken: Break | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything that was recorded is there, as it was recorded."""
        return self.broken is None

    def __str__(self) -> str:
        state = f"{self.path}: {self.records} records"
        if self.torn:
            state += f", {self.torn} torn (line {self.first_torn})"
        if self.broken is None:
            return f"{state}, chain whole"
        return f"{state}, {self.broken.kind} at line {self.broken.line}: {self.broken.detail}"


def verify(path: Path) -> ChainReport:
    """Check every line and the head. A journal that does not exist is whole and empty.

    Writers may go on meanwhile: what they add after the start is not looked at.
    Raises JournalError if the files cannot be read.
    """
    try:
        head, size = _snapshot(path)
        walk = _Walk(head or START)
        for number, line in _numbered(path, size):
            walk.step(number, line)
        broken = _first_break(path, size, walk) or _against_head(walk, head)
    except OSError as error:
        raise failure(path, "read", error) from error
    return ChainReport(path, walk.count, walk.torn, walk.first_torn, broken)


def _snapshot(path: Path) -> tuple[Head | None, int]:
    """The head and the length that belong together."""
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except FileNotFoundError:
        return read_head(path), 0
    try:
        with locked(descriptor, path, shared=True):
            return read_head(path), os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _numbered(path: Path, size: int) -> Iterator[tuple[int, Line | None]]:
    """Each line's number from 1 and its content; None for one that is not whole."""
    if not size:
        return
    with path.open("rb") as file:
        for number, line in enumerate(lines_forwards(file, size), start=1):
            yield number, parse_line(line)


@dataclass(slots=True)
class _Walk:
    """Where the check stands. Its size does not depend on the file's."""

    head: Head
    count: int = 0
    last_hash: str = GENESIS
    last_number: int = 0
    torn: int = 0
    first_torn: int | None = None
    torn_since_last: int | None = None  # first unfinished line after the last whole one
    edited: int | None = None
    misfit: tuple[int, str, str] | None = None  # line, hash before it, hash it names
    misfit_torn: int | None = None
    head_hash_seen: bool = False

    def __post_init__(self) -> None:
        self.head_hash_seen = self.head == START

    @property
    def is_broken(self) -> bool:
        return self.edited is not None or self.misfit is not None

    def step(self, number: int, line: Line | None) -> None:
        """Take one line into account."""
        self.last_number = number
        if line is None:
            self.torn += 1
            self.first_torn = self.first_torn or number
            self.torn_since_last = self.torn_since_last or number
            return
        if not self.is_broken:
            self._compare(number, line)
        self.count += 1
        self.last_hash = line.hash
        self.torn_since_last = None
        if self.count == self.head.count:
            self.head_hash_seen = line.hash == self.head.hash

    def _compare(self, number: int, line: Line) -> None:
        if not line.is_intact:
            self.edited = number
        elif line.prev != self.last_hash:
            self.misfit = (number, self.last_hash, line.prev)
            self.misfit_torn = self.torn_since_last


def _first_break(path: Path, size: int, walk: _Walk) -> Break | None:
    """The break inside the chain, if there is one."""
    if walk.edited is not None:
        return Break(walk.edited, BreakKind.EDITED, "its content does not have its hash")
    if walk.misfit is None:
        return None
    number, before, named = walk.misfit
    if walk.misfit_torn is not None:
        detail = "it cannot be read, and a later record was written after it"
        return Break(walk.misfit_torn, BreakKind.EDITED, detail)
    return _classified(path, size, number, before, named)


def _classified(path: Path, size: int, number: int, before: str, named: str) -> Break:
    """What happened before line `number`, which names `named` but follows `before`.

    Reads the file once more and looks where the two hashes occur.
    """
    named_at = successor_at = None
    for other, line in _numbered(path, size):
        if line is None or other == number:
            continue
        if line.hash == named and (named_at is None or other > number):
            named_at = other
        if line.prev == before and other > number:
            successor_at = successor_at or other
    if named_at is not None and named_at > number:
        return Break(number, BreakKind.REORDERED, f"it was written after what is line {named_at}")
    if successor_at is not None:
        return Break(number, BreakKind.INSERTED, f"line {successor_at} belongs in its place")
    if named_at is not None or named == GENESIS:
        first = (named_at or 0) + 1
        return Break(first, BreakKind.INSERTED, f"line {number} belongs in its place")
    return Break(number, BreakKind.REMOVED, "the record that it was written after is not there")


def _against_head(walk: _Walk, head: Head | None) -> Break | None:
    """The break that only the head can show."""
    if head is None:
        # Killed between the very first line and its head: nothing is wrong.
        if walk.count <= 1:
            return None
        detail = "its head file is missing or unreadable, so a cut at the end cannot be ruled out"
        return Break(walk.last_number, BreakKind.HEAD_LOST, detail)
    missing = head.count - walk.count
    if missing == 1 and walk.torn_since_last is not None:
        detail = "it cannot be read, and it was whole when the head was written"
        return Break(walk.torn_since_last, BreakKind.EDITED, detail)
    if missing > 0:
        detail = f"{missing} of {head.count} records are missing at the end"
        return Break(walk.last_number, BreakKind.SHORTENED, detail)
    if not walk.head_hash_seen:
        return Break(walk.last_number, BreakKind.EDITED, "it is not the record the head names")
    if missing < -1:
        detail = f"{-missing} records were added past the head"
        return Break(walk.last_number, BreakKind.INSERTED, detail)
    return None
