"""Commands taken out of a file, each character with its place there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Position(NamedTuple):
    """A line and a column of a file, both from 1."""

    line: int
    column: int


class Snippet(NamedTuple):
    """A text to be judged. `offsets[i]` is where its character `i` stands in the file."""

    text: str
    offsets: tuple[int, ...]

    @classmethod
    def cut(cls, source: str, start: int, end: int) -> Snippet:
        """A piece of the file as it stands there."""
        return cls(source[start:end], tuple(range(start, end)))

    def changed(self, start: int, end: int, text: str) -> Snippet:
        """With other characters in a place; they all stand where those before stood."""
        width = end - start
        here = [self.offsets[start + min(i, width - 1)] for i in range(len(text))]
        return Snippet(
            self.text[:start] + text + self.text[end:],
            (*self.offsets[:start], *here, *self.offsets[end:]),
        )

    def place(self, index: int, *, end: bool = False) -> int:
        """Where a character stands in the file; for an end, the place behind the one before."""
        if not self.offsets:
            return 0
        if end:
            return self.offsets[min(index, len(self.offsets)) - 1] + 1 if index else self.offsets[0]
        return self.offsets[min(index, len(self.offsets) - 1)]


def joined(pieces: list[Snippet]) -> Snippet:
    """Several pieces as one text."""
    return Snippet(
        "".join(piece.text for piece in pieces),
        tuple(offset for piece in pieces for offset in piece.offsets),
    )


def lines_of(source: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each line of a file, without its line break."""
    start = 0
    while start <= len(source):
        end = source.find("\n", start)
        if end < 0:
            if start < len(source):
                yield start, len(source)
            return
        yield start, end
        start = end + 1


def position_of(source: str, offset: int) -> Position:
    """The line and column of an offset."""
    return Position(source.count("\n", 0, offset) + 1, offset - source.rfind("\n", 0, offset))
