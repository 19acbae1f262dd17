"""Lines of a journal, forwards and backwards, in bounded memory whatever the file holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from cli_tuner.journal.line import LINE_MAX

_BLOCK = 64 * 1024
_FIRST_BLOCK = 8 * 1024  # a line is about 1 KiB, so the last one is nearly always in here
_OVERLONG = b"\x00"  # stands for a line longer than any record; is no whole line itself


def lines_forwards(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Every line in the first `size` bytes, without newlines; the last may be unfinished."""
    left = size
    overlong = False
    while left > 0:
        piece = file.readline(min(LINE_MAX, left))
        if not piece:
            return
        left -= len(piece)
        if piece.endswith(b"\n") or left == 0:
            yield _OVERLONG if overlong else piece.removesuffix(b"\n")
            overlong = False
        else:
            overlong = True


def lines_backwards(descriptor: int, size: int) -> Iterator[bytes]:
    """Every line in the first `size` bytes, the last first, without newlines.

    The empty text after a final newline is left out.
    """
    rest, position, block = b"", size, _FIRST_BLOCK
    at_end = True
    while position > 0:
        step = min(block, position)
        position -= step
        first, *others = (os.pread(descriptor, step, position) + rest).split(b"\n")
        for line in reversed(others):
            if line or not at_end:
                yield line
            at_end = False
        rest = first if len(first) <= LINE_MAX else _OVERLONG
        block = _BLOCK
    if rest:
        yield rest
