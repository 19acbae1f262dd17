"""Reaching an engine's socket: is somebody there, and is it one of ours?

The folder is checked before anything in it is trusted, and the kernel is asked who listens: in a
shared temp folder another user may have put a socket of the right name there first, and would
otherwise read the queries and answer them.

Standard library only, and little of it: every answer waits for these imports.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import stat
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from cli_tuner.errors import BackendTimeout, BackendUnreachable, ConfigError

_BUSY_TIMEOUT_S = 10.0
_GONE_TIMEOUT_S = 15.0


def connect(path: Path) -> socket.socket | None:
    """A connection to whoever listens there, or None if nobody does.

    "Nobody" is only what the kernel says in so many words; a busy engine is waited for. Raises
    BackendTimeout if it stays busy, BackendUnreachable if it is there and cannot be reached, and
    ConfigError if it belongs to another user.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not _connected(connection, path):
            connection.close()
            return None
        _check_listener(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def listens(path: Path) -> bool:
    """Whether somebody listens there. Raises as `connect` does."""
    connection = connect(path)
    if connection is None:
        return False
    connection.close()
    return True


def _connected(connection: socket.socket, path: Path) -> bool:
    connection.setblocking(False)
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except BlockingIOError as error:  # its queue of callers is full
            if time.monotonic() > deadline:
                raise BackendTimeout("the engine is too busy", hint="try again later") from error
            time.sleep(0.02)
        except OSError as error:
            raise BackendUnreachable(
                f"cannot reach the engine at {path}: {error.strerror or error}",
                hint="run: cli-tuner stop",
            ) from error
        else:
            connection.setblocking(True)
            return True


def _check_listener(connection: socket.socket, path: Path) -> None:
    user = peer_uid(connection)
    if user is not None and user != os.getuid():
        raise ConfigError(f"{path} belongs to another user", hint="move its folder away")


def peer_uid(connection: socket.socket) -> int | None:
    """The user of the process on the other side; None where the kernel cannot be asked."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None  # not Linux: the modes of folder and socket have to do
    size = struct.calcsize("3i")
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, user, _ = struct.unpack("3i", packed)
    return int(user)


def wait_readable(connection: socket.socket, timeout_s: float) -> bool:
    """Whether something (or the end) can be read within that time."""
    poll = select.poll()  # select() itself fails in a process with more than 1,024 open files
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def mark(path: Path) -> tuple[int, int] | None:
    """What tells this socket from the next one of that name. Inodes alone are used again."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def wait_until_gone(path: Path, marked: tuple[int, int] | None) -> bool:
    """Wait until this socket is removed, or another is in its place. False if it stays."""
    deadline = time.monotonic() + _GONE_TIMEOUT_S
    while marked is not None and mark(path) == marked:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def remove_stale(path: Path) -> None:
    """Remove the socket file of a process that died. Hold the lock while calling this.

    Raises ConfigError if what is there is no socket: then it is not ours to remove.
    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(f"{path} is in the way and is no socket", hint="move it away")
        path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"cannot remove {path}: {error.strerror}") from error


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file beside a socket; the kernel releases it if the holder dies."""
    beside = path.with_suffix(".lock")
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        handle = os.open(beside, flags, 0o600)
    except OSError as error:
        raise ConfigError(
            f"cannot use the lock {beside}: {error.strerror}", hint="move it away"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
