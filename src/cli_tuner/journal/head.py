"""The head of a journal: how many records there are and the hash of the last one.

A chain alone cannot tell that its end was cut off. `<name>.head` beside the journal can. It is
one JSON object padded to a fixed length and written over in place, under the journal's lock:
128 bytes within one block need no new space, so a full disk cannot stop it, and readers take
the lock too, so nobody sees half of it.

The line is written first and the head second. A process killed in between leaves a head that
lags by exactly one record, which the next writer puts right.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cli_tuner.journal.files import open_private
from cli_tuner.journal.line import GENESIS

_LENGTH = 128
_SHAPE = re.compile(rb'\{"count":(\d{1,18}),"hash":"([0-9a-f]{64})"\} *\n?')


@dataclass(frozen=True, slots=True)
class Head:
    """`count` records, the last of which has `hash`."""

    count: int
    hash: str


START = Head(count=0, hash=GENESIS)


def head_path(journal: Path) -> Path:
    """Where a journal's head is."""
    return journal.with_name(f"{journal.name}.head")


def read_head(journal: Path) -> Head | None:
    """The head as stored; None if it is missing or unreadable.

    Raises OSError if the system refuses.
    """
    try:
        descriptor = open_private(head_path(journal), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        found = _SHAPE.fullmatch(os.pread(descriptor, _LENGTH + 1, 0))
    finally:
        os.close(descriptor)
    return Head(count=int(found[1]), hash=found[2].decode()) if found else None


def write_head(journal: Path, head: Head) -> None:
    """Replace the head. The caller holds the journal's lock. Raises OSError."""
    text = json.dumps({"count": head.count, "hash": head.hash}, separators=(",", ":"))
    content = text.ljust(_LENGTH - 1).encode() + b"\n"
    descriptor = open_private(head_path(journal), os.O_RDWR | os.O_CREAT)
    try:
        if os.pwrite(descriptor, content, 0) != len(content):
            raise OSError(f"only a part of {head_path(journal)} could be written")
    finally:
        os.close(descriptor)
