"""The client's side of the resident engine: find it, start it, ask it, start it again.

One resident process holds one model. It listens on a UNIX socket (0600, in a folder of this user
alone) whose name is made from what it holds, starts on first use, unloads by ending itself after
idle minutes, and another one is used when the program was upgraded. Many clients may come at
once: a lock file lets one of them start it while the others wait.

Linux and macOS; Windows is out of scope (there is no fcntl, and the engine forks). Standard
library only, and little of it: every answer waits for these imports.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cli_tuner import __version__
from cli_tuner.backends import contact, wire
from cli_tuner.errors import (
    BackendError,
    BackendTimeout,
    BackendUnreachable,
    Cancelled,
    CliTunerError,
    UsageError,
)
from cli_tuner.settings import Paths, Settings, private_folder

if TYPE_CHECKING:
    import socket

PROGRAM = "cli_tuner.resident"
_ATTEMPTS = 2
_CANCEL_POLL_S = 0.1
_DYING_S = 2.0
_STOP_TIMEOUT_S = 10.0
_STATUS_TIMEOUT_S = 5.0


class Engine(NamedTuple):
    """One resident engine, running or not."""

    model: str
    threads: int
    idle_minutes: float
    timeout_s: float
    paths: Paths

    @classmethod
    def of(cls, settings: Settings, paths: Paths) -> Engine:
        """The engine that these settings ask for.

        A path is made absolute here, since the engine runs in another folder. Raises UsageError
        for a reference that can be no argument of a process.
        """
        model = settings.model
        if "\0" in model:
            raise UsageError("--model must not contain a NUL character")
        if "/" in model or model.startswith("~") or model.lower().endswith(".gguf"):
            with contextlib.suppress(RuntimeError):  # ~nobody: resolving it will say so
                model = str(Path(model).expanduser().absolute())
        return cls(model, settings.threads, settings.idle_minutes, settings.timeout_s, paths)

    @property
    def socket_path(self) -> Path:
        """Where it listens. Another model, thread count, version or home is another engine."""
        paths = self.paths
        held = (__version__, wire.PROTOCOL, self.model, self.threads)
        homes = (paths.config, paths.system_config, paths.data, paths.state, paths.cache)
        text = "|".join(str(part) for part in (*held, *homes))
        name = zlib.crc32(text.encode("utf-8", "surrogateescape"))
        return paths.runtime / f"engine-{name:08x}.sock"

    @property
    def log_path(self) -> Path:
        """Where it writes what it cannot tell anybody."""
        return self.paths.state / "engine.log"

    def ask(
        self,
        message: dict[str, Any],
        meanwhile: Callable[[], object] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> dict[str, Any]:
        """One question, one answer; the engine is started if needed, once more if it dies.

        `meanwhile` is called after the question is sent, while the engine works on it. Leaving
        early (Ctrl-C, `cancelled()`, the timeout) closes the connection, and the engine stops.

        Raises what the engine raised, BackendUnreachable if it cannot be started or died
        twice, BackendTimeout if it does not answer in time, Cancelled.
        """
        message = {**message, "model": self.model}
        for attempt in range(1, _ATTEMPTS + 1):
            with self._connected() as connection:
                marked = contact.mark(self.socket_path)
                reply = self._exchange(connection, message, meanwhile, cancelled)
            if reply is not None and reply.get("stale") is None:
                wire.raise_failure(reply)
                return reply
            if attempt < _ATTEMPTS:
                self._wait_for_its_end(marked, died=reply is None)
        raise BackendUnreachable(
            "the engine stopped twice while answering",
            hint=f"see {self.log_path}, try --no-daemon, or run: cli-tuner models verify",
        )

    def _wait_for_its_end(self, marked: tuple[int, int] | None, *, died: bool) -> None:
        """So that the next attempt does not meet it again: a dying process still accepts calls."""
        if not died:
            contact.wait_until_gone(self.socket_path, marked)
            return
        deadline = time.monotonic() + _DYING_S
        while (
            contact.mark(self.socket_path) == marked
            and contact.listens(self.socket_path)
            and time.monotonic() < deadline
        ):
            time.sleep(0.02)

    def _exchange(
        self,
        connection: socket.socket,
        message: dict[str, Any],
        meanwhile: Callable[[], object] | None,
        cancelled: Callable[[], bool] | None,
    ) -> dict[str, Any] | None:
        """The reply, or None if the engine died on it."""
        deadline = time.monotonic() + self.timeout_s
        try:
            connection.settimeout(self.timeout_s)
            wire.send(connection, message)
            if meanwhile is not None:
                meanwhile()
            while cancelled is not None:
                if cancelled():
                    raise Cancelled("cancelled")
                if contact.wait_readable(connection, _CANCEL_POLL_S):
                    break
                if time.monotonic() > deadline:
                    break
            return wire.receive(connection, within_s=deadline - time.monotonic())
        except TimeoutError as error:
            raise BackendTimeout(
                f"no answer from the engine within {self.timeout_s:g} s",
                hint="set timeout_s higher, or run: cli-tuner stop",
            ) from error
        except ConnectionError:
            return None

    def _connected(self) -> socket.socket:
        # First of all: who else may write there could listen there in the engine's name.
        private_folder(self.paths.runtime)
        connection = contact.connect(self.socket_path)
        if connection is not None:
            return connection
        with contact.locked(self.socket_path):
            connection = contact.connect(self.socket_path)
            if connection is None:
                # Nobody listens, so a socket file here was left by a process that died.
                contact.remove_stale(self.socket_path)
                self._start()
                connection = contact.connect(self.socket_path)
        if connection is None:
            raise BackendUnreachable("the engine started and stopped", hint=f"see {self.log_path}")
        return connection

    def _start(self) -> None:
        """Start the process and wait until it listens. It is loading the model meanwhile."""
        from cli_tuner.backends.start import start

        private_folder(self.paths.state)
        options = {
            "socket": str(self.socket_path),
            "model": self.model,
            "threads": str(self.threads),
            "idle-minutes": str(self.idle_minutes),
        }
        start(PROGRAM, options, self.log_path)

    def stop(self) -> bool:
        """Ask it to end, and wait until it did. False if it was not running."""
        return stop(self.socket_path)


def running(paths: Paths) -> list[dict[str, Any]]:
    """What every running engine of this user says of itself; one that does not answer is left out.

    Nothing is started, and nothing is waited for but the answer.
    """
    found = []
    for path in sorted(paths.runtime.glob("engine-*.sock")):
        with contextlib.suppress(OSError, CliTunerError):
            reply = _told(path, {"op": "status"}, _STATUS_TIMEOUT_S)
            if reply is not None and "error" not in reply:
                found.append({**reply, "socket": str(path)})
    return found


def stop_all(paths: Paths) -> int:
    """Stop every engine of this user; how many there were."""
    return sum(stop(path) for path in sorted(paths.runtime.glob("engine-*.sock")))


def stop(path: Path) -> bool:
    """Stop the engine that listens there. False if nobody did; a stale socket is removed.

    Raises BackendTimeout if it does not end.
    """
    marked = contact.mark(path)
    if marked is None:
        return False
    with contextlib.suppress(OSError, BackendError):
        if _told(path, {"op": "stop"}, _STOP_TIMEOUT_S) is None and not contact.listens(path):
            with contact.locked(path):  # somebody may be starting one just now
                if not contact.listens(path):
                    contact.remove_stale(path)
            return False
    if not contact.wait_until_gone(path, marked):
        raise BackendTimeout(f"the engine at {path} does not end", hint="end its process")
    return True


def _told(path: Path, message: dict[str, Any], timeout_s: float) -> dict[str, Any] | None:
    """The reply, or None if nobody listens or it ended without one."""
    connection = contact.connect(path)
    if connection is None:
        return None
    with connection:
        connection.settimeout(timeout_s)
        wire.send(connection, message)
        return wire.receive(connection, within_s=timeout_s)
