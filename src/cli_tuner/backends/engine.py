"""The client's side of the resident engine: find it, start it, ask it, start it again.

One resident process holds one model. It listens on a UNIX socket (0600, in a folder of this user
alone) whose name is made from what it holds, starts on first use, unloads by ending itself after
idle minutes, and is replaced when the program was upgraded. Many clients may come at once: a lock
file lets one of them start it while the others wait.

Standard library only, and little of it: every answer waits for these imports.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cli_tuner import __version__
from cli_tuner.backends import wire
from cli_tuner.errors import BackendError, BackendTimeout, BackendUnreachable
from cli_tuner.settings import Paths, Settings, private_folder

PROGRAM = "cli_tuner.resident"
START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 10.0


class Engine(NamedTuple):
    """One resident engine, running or not."""

    model: str
    threads: int
    idle_minutes: float
    timeout_s: float
    paths: Paths

    @classmethod
    def of(cls, settings: Settings, paths: Paths) -> Engine:
        """The engine that these settings ask for."""
        model = settings.model
        if model.endswith(".gguf"):
            model = str(Path(model).expanduser().absolute())
        return cls(model, settings.threads, settings.idle_minutes, settings.timeout_s, paths)

    @property
    def socket_path(self) -> Path:
        """Where it listens. Another model, thread count or version is another engine."""
        held = f"{__version__}|{wire.PROTOCOL}|{self.model}|{self.threads}"
        name = zlib.crc32(held.encode("utf-8", "surrogateescape"))
        return self.paths.runtime / f"engine-{name:08x}.sock"

    @property
    def log_path(self) -> Path:
        """Where it writes what it cannot tell anybody."""
        return self.paths.state / "engine.log"

    def ask(
        self, message: dict[str, Any], meanwhile: Callable[[], object] | None = None
    ) -> dict[str, Any]:
        """One question, one answer; the engine is started if needed, once more if it dies.

        `meanwhile` is called after the question is sent, while the engine works on it.

        Raises what the engine raised, BackendUnreachable if it cannot be started or died
        twice, BackendTimeout if it does not answer in time.
        """
        message = {**message, "model": self.model}
        for attempt in (1, 2):
            connection = self._connected()
            inode = _inode(self.socket_path)
            try:
                with connection:
                    reply = self._exchange(connection, message, meanwhile)
            except (BrokenPipeError, ConnectionResetError):
                reply = None
            if reply is not None and reply.get("stale") is None:
                wire.raise_failure(reply)
                return reply
            if attempt == 1 and reply is not None:
                _wait_until_gone(self.socket_path, inode)
        raise BackendUnreachable(
            "the engine stopped twice while answering",
            hint=f"see {self.log_path}, try --no-daemon, or run: cli-tuner models verify",
        )

    def _exchange(
        self,
        connection: socket.socket,
        message: dict[str, Any],
        meanwhile: Callable[[], object] | None,
    ) -> dict[str, Any] | None:
        connection.settimeout(self.timeout_s)
        try:
            wire.send(connection, message)
            if meanwhile is not None:
                meanwhile()
            return wire.receive(connection)
        except TimeoutError as error:
            raise BackendTimeout(
                f"no answer from the engine within {self.timeout_s:g} s",
                hint="set timeout_s higher, or run: cli-tuner stop",
            ) from error

    def _connected(self) -> socket.socket:
        connection = _connect(self.socket_path)
        if connection is not None:
            return connection
        private_folder(self.paths.runtime)
        with _locked(self.socket_path.with_suffix(".lock")):
            connection = _connect(self.socket_path)
            if connection is None:
                # Nobody listens, so a socket file here was left by a process that died.
                self.socket_path.unlink(missing_ok=True)
                self._start()
                connection = _connect(self.socket_path)
        if connection is None:
            raise BackendUnreachable("the engine started and stopped", hint=f"see {self.log_path}")
        return connection

    def _start(self) -> None:
        """Start the process and wait until it listens. It is loading the model meanwhile."""
        import subprocess

        reader, writer = os.pipe()
        arguments = [
            *(sys.executable, "-m", PROGRAM),
            *("--socket", str(self.socket_path), "--model", self.model),
            *("--threads", str(self.threads), "--idle-minutes", str(self.idle_minutes)),
            *("--ready-fd", str(writer)),
        ]
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, reader)
            with contextlib.ExitStack() as handed_over:
                handed_over.callback(os.close, writer)
                private_folder(self.paths.state)
                log = handed_over.enter_context(_private_log(self.log_path))
                subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(writer,),
                    start_new_session=True,
                    cwd="/",
                )
            ready = select.select([reader], [], [], START_TIMEOUT_S)[0]
            if not ready:
                raise BackendTimeout("the engine did not start", hint=f"see {self.log_path}")
            if os.read(reader, 1) != b"1":
                raise BackendUnreachable("the engine could not start", hint=f"see {self.log_path}")

    def stop(self) -> bool:
        """Ask it to end, and wait until it did. False if it was not running."""
        return stop(self.socket_path)


def running(paths: Paths) -> list[dict[str, Any]]:
    """What every running engine of this user says of itself."""
    found = []
    for path in sorted(paths.runtime.glob("engine-*.sock")):
        connection = _connect(path)
        if connection is None:
            continue
        with connection, contextlib.suppress(OSError, BackendError):
            connection.settimeout(5.0)
            wire.send(connection, {"op": "hello"})
            reply = wire.receive(connection)
            if reply is not None:
                found.append({**reply, "socket": str(path)})
    return found


def stop_all(paths: Paths) -> int:
    """Stop every engine of this user; how many there were."""
    return sum(stop(path) for path in sorted(paths.runtime.glob("engine-*.sock")))


def stop(path: Path) -> bool:
    """Stop the engine that listens there. False if nobody did; a stale socket is removed."""
    connection = _connect(path)
    if connection is None:
        path.unlink(missing_ok=True)
        return False
    inode = _inode(path)
    with connection, contextlib.suppress(OSError, BackendError):
        connection.settimeout(_STOP_TIMEOUT_S)
        wire.send(connection, {"op": "stop"})
        wire.receive(connection)
    _wait_until_gone(path, inode)
    return True


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _wait_until_gone(path: Path, inode: int | None) -> None:
    """Wait until this socket is removed, or somebody else's is in its place."""
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while inode is not None and _inode(path) == inode and time.monotonic() < deadline:
        time.sleep(0.01)


def _connect(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file; the kernel releases it if the holder dies."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _private_log(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)
