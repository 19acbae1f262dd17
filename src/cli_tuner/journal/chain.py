"""Appending to a hash-chained file of JSON lines, by any number of processes.

One append is: lock, read the last line from the end, write one line with one `write`, write the
head, unlock. It costs the same in a file of a hundred megabytes as in an empty one.

What can happen, and what is then true:
- Killed while writing: the unfinished line stays as it is. The next append ends it with a
  newline and chains its own line to the last whole record; `verify` counts it as torn.
- Killed between line and head: the head lags by one; the next append puts it right.
- Disk full, or any short write: the file is cut back to its old length and JournalError raised.
  If even that fails, the rest is a torn line as above.
- Shortened, replaced or deleted by somebody: the next line is chained to the hash in the head,
  not to what was left, so the gap stays visible in the chain for ever.
- No fsync: a record survives the death of every process, but not a power cut within the next
  seconds. An fsync takes 5 to 50 ms on a laptop's disk, more than all our other work together.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from cli_tuner.errors import JournalError
from cli_tuner.journal.files import failure, locked, open_private
from cli_tuner.journal.head import START, Head, read_head, write_head
from cli_tuner.journal.line import LINE_MAX, Line, parse_line, sealed
from cli_tuner.journal.read import lines_backwards, lines_forwards
from cli_tuner.records import Record


def append(path: Path, record: Record) -> str:
    """Add one record to the journal at `path`; its line's hash comes back.

    The folder must exist. Raises FileNotFoundError if it does not, JournalError if the record
    cannot be written; the file then holds what it held before.
    """
    try:
        descriptor = open_private(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise failure(path, "write", error) from error
    try:
        with locked(descriptor, path):
            return _append_locked(descriptor, path, record)
    except OSError as error:
        raise failure(path, "write", error) from error
    finally:
        os.close(descriptor)


def _append_locked(descriptor: int, path: Path, record: Record) -> str:
    size = os.fstat(descriptor).st_size
    head = _current_head(descriptor, size, path)
    line, own = sealed(record, head.hash)
    if len(line) > LINE_MAX:
        raise JournalError(f"{path}: a record of {len(line)} bytes is too long to keep")
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        line = b"\n" + line
    try:
        _write_whole(descriptor, line)
        write_head(path, Head(count=head.count + 1, hash=own))
    except (OSError, JournalError):
        # Nobody else can have written behind us: the lock is ours.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise
    return own


def _write_whole(descriptor: int, line: bytes) -> None:
    """One write for one line, so that a killed process leaves a prefix of it at most."""
    if os.write(descriptor, line) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _current_head(descriptor: int, size: int, path: Path) -> Head:
    """What the next line follows: the last record, or the one that should be there."""
    head = read_head(path)
    last = last_line(descriptor, size)
    if head is None:
        return _recounted(path, size, last)
    if last is not None and last.hash != head.hash and last.prev == head.hash:
        return Head(count=head.count + 1, hash=last.hash)
    return head


def last_line(descriptor: int, size: int) -> Line | None:
    """The last whole line of the first `size` bytes, read from the end."""
    parsed = (parse_line(line) for line in lines_backwards(descriptor, size))
    return next((line for line in parsed if line is not None), None)


def _recounted(path: Path, size: int, last: Line | None) -> Head:
    """A head made anew from the file; reads all of it, once, when the head was lost."""
    if last is None:
        return START
    with path.open("rb") as file:
        count = sum(parse_line(line) is not None for line in lines_forwards(file, size))
    return Head(count=count, hash=last.hash)
