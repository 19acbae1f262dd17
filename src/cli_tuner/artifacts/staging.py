"""A folder that appears whole or not at all.

Work happens in a hidden folder beside the target and is swapped in by one system call. Whatever
ends the work before that, an error, Ctrl-C or a full disk, leaves the target as it was. A hard
kill leaves a hidden folder that the next run removes. One run at a time has a target.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli_tuner.errors import ArtifactError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """An empty folder that takes the target's place if the block ends well.

    Raises ArtifactError if another run has the target, the folder cannot be made, or the disk
    is full.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = (target.parent / f".{target.name}.lock").open("w")
    except OSError as error:
        raise ArtifactError(
            f"cannot write to {target.parent}: {error.strerror}", hint="choose another with --out"
        ) from error
    with lock:
        _take(lock.fileno(), target)
        for leftover in target.parent.glob(f".{target.name}.staging*"):
            shutil.rmtree(leftover)
        folder = target.parent / f".{target.name}.staging"
        folder.mkdir()
        try:
            yield folder
            _sync(folder)
            _swap(folder, target)
        except OSError as error:
            if error.errno in _FULL:
                raise ArtifactError(
                    f"the disk is full at {target.parent}; {_untouched(target)}",
                    hint="make room, or choose another folder with --out",
                ) from error
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _take(lock: int, target: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ArtifactError(f"another run is making {target}", hint="wait for it") from None


def _untouched(target: Path) -> str:
    return f"{target} is as it was" if target.exists() else "nothing was written"


def _sync(folder: Path) -> None:
    """Have every file on the disk before the name that promises it."""
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(folder: Path, target: Path) -> None:
    if not target.exists():
        folder.rename(target)
    elif not _exchanged(folder, target):
        # Two renames where the system cannot swap; what was there comes back if the second fails.
        aside = folder.with_name(f"{folder.name}-old")
        target.rename(aside)
        try:
            folder.rename(target)
        except OSError:
            aside.rename(target)
            raise
        shutil.rmtree(aside)


def _exchanged(one: Path, other: Path) -> bool:
    """Swap two folders in one step, where the system has renameat2 (Linux)."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    status: int = rename(
        _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE
    )
    return status == 0
