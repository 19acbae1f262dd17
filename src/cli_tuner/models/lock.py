"""One fetch of a file at a time, whoever asks: a lock that dies with its holder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path, *, on_wait: str, notice: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file at `path`; say `on_wait` once if somebody else has it.

    The kernel lets go when the holder ends, however it ends. The file is removed on the way
    out, and whoever waited on the removed file tries again on the new one. Raises OSError.
    """
    descriptor = _acquire(path, on_wait, notice)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # before letting go: nobody can hold the name meanwhile
        os.close(descriptor)


def _acquire(path: Path, on_wait: str, notice: Callable[[str], None]) -> int:
    said = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not said:
                    notice(on_wait)
                    said = True
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_current(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_current(descriptor: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (ours.st_dev, ours.st_ino) == (named.st_dev, named.st_ino)
