"""Opening and locking the journal's files: 0600, regular files only, one writer at a time."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli_tuner.errors import ConfigError, JournalError
from cli_tuner.settings import private_folder

LOCK_TIMEOUT_S = 5.0
"""A writer holds the lock for well under a millisecond; five seconds mean that it is stopped."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.0002, 0.01


def failure(path: Path, action: str, error: OSError) -> JournalError:
    """What a person reads when the system refused: which file, why, and what to do."""
    return JournalError(
        f"cannot {action} {path}: {error.strerror or error}",
        hint="make room there, or set CLI_TUNER_HOME to a folder you can write to",
    )


def private_folders(root: Path, folder: Path) -> None:
    """Make `root` and every folder from there down to `folder`, each 0700 and this user's.

    Raises JournalError if one cannot be made or belongs to somebody else.
    """
    try:
        private_folder(root)
        for part in folder.relative_to(root).parts:
            root = root / part
            private_folder(root)
    except ConfigError as error:
        raise JournalError(error.message, hint=error.hint) from error


def open_private(path: Path, flags: int) -> int:
    """A descriptor of a regular file of mode 0600; a mode left wider by somebody is narrowed.

    Raises OSError as `os.open` does, and JournalError for anything but a regular file.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise JournalError(f"{path} is not a regular file", hint="move it away")
    if status.st_mode & 0o077 and flags & (os.O_WRONLY | os.O_RDWR):
        os.fchmod(descriptor, 0o600)
    return descriptor


@contextmanager
def locked(descriptor: int, path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the advisory lock on an open file, against other processes and threads alike.

    Raises JournalError if it is not to be had within `LOCK_TIMEOUT_S` seconds.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise JournalError(
                    f"{path} has been locked by another process for {LOCK_TIMEOUT_S:g} s",
                    hint=f"see which one with: fuser -v {path}",
                ) from error
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    try:
        yield
    finally:
        # Unlocked by name, not by closing: a child forked meanwhile may hold a copy.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
