"""One resident process: one model, one socket, a thread for each question.

It listens before the model is loaded, so that the first question waits here and not in a retry
loop, and it loads the model and imports the boundaries side by side. Only this user's processes
are answered: the socket is 0600 in a 0700 folder, and the kernel is asked who is calling.

It ends by itself when idle, when told to, when the model could not be loaded, and when the model
file was replaced; the socket goes first, so that whoever comes next starts a new process.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli_tuner import __version__
from cli_tuner.backends import wire
from cli_tuner.errors import BackendError, Cancelled, CliTunerError, UsageError
from cli_tuner.settings import Paths, Settings, load_settings

if TYPE_CHECKING:
    from cli_tuner.backends.embedded import EmbeddedBackend
    from cli_tuner.boundaries.parts import Parts

_QUESTION_TIMEOUT_S = 10.0
_BACKLOG = 128


class Resident:
    """The process. Making one binds the socket and begins to load the model."""

    def __init__(self, path: Path, model: str, threads: int, idle_s: float) -> None:
        self._path = path
        self._model = model
        self._threads = threads
        self._idle_s = idle_s
        self._began = time.monotonic()
        self._last = time.monotonic()
        self._active = 0
        self._answered = 0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._listener = _bound(path)
        self._inode = path.stat().st_ino
        self._wake, self._waker = socket.socketpair()
        self._loading = _Loading(model, threads)

    def serve(self) -> None:
        """Answer until it is time to end."""
        while not self._ending.is_set():
            ready = select.select([self._listener, self._wake], [], [], self._patience_s())[0]
            if self._listener in ready:
                connection, _ = self._listener.accept()
                with self._lock:
                    self._active += 1
                threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()
            elif not ready and self._patience_s() <= 0:
                break
        self._end()

    def _patience_s(self) -> float:
        with self._lock:
            if self._active:
                return self._idle_s
            return max(0.0, self._last + self._idle_s - time.monotonic())

    def _end(self) -> None:
        """Take the socket away, let those finish that are being answered, unload."""
        if self._path.exists() and self._path.stat().st_ino == self._inode:
            self._path.unlink(missing_ok=True)
        self._listener.close()
        deadline = time.monotonic() + _QUESTION_TIMEOUT_S
        while self._active and time.monotonic() < deadline:
            time.sleep(0.005)
        self._loading.close()

    def _serve_one(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(_QUESTION_TIMEOUT_S)
                _check_caller(connection)
                message = wire.receive(connection)
                if message is not None:
                    connection.settimeout(None)
                    wire.send(connection, self._reply(message, connection))
        except (OSError, CliTunerError):
            pass  # whoever asked is gone, or was never one of ours
        finally:
            with self._lock:
                self._active -= 1
                self._answered += 1
                self._last = time.monotonic()

    def _reply(self, message: dict[str, Any], connection: socket.socket) -> dict[str, Any]:
        answer = {
            "hello": self._hello,
            "stop": self._stop,
            "complete": self._complete,
            "generate": self._generate,
        }.get(str(message.get("op")))
        if answer is None:
            return wire.failure(UsageError(f"unknown question: {message.get('op')}"))
        if message.get("model", self._model) != self._model:
            return wire.failure(BackendError(f"this engine holds {self._model}"))
        try:
            return answer(message, _hung_up(connection))
        except CliTunerError as error:
            return wire.failure(error)
        except Exception as error:  # noqa: BLE001  a bug must not leave the client waiting
            traceback.print_exc(file=sys.stderr)
            return wire.failure(BackendError(f"the engine failed: {type(error).__name__}"))

    def _hello(self, _: dict[str, Any], __: Callable[[], bool]) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "version": __version__,
            "protocol": wire.PROTOCOL,
            "model": self._model,
            "threads": self._threads,
            "up_s": time.monotonic() - self._began,
            "answered": self._answered,
            "identity": self._ready().backend.identity.model_dump(mode="json"),
        }

    def _stop(self, _: dict[str, Any], __: Callable[[], bool]) -> dict[str, Any]:
        self._finish()
        return {"stopped": True}

    def _complete(self, message: dict[str, Any], cancelled: Callable[[], bool]) -> dict[str, Any]:
        from cli_tuner.backends.protocol import Sampling
        from cli_tuner.records import NormalizedRequest

        parts = self._ready()
        if self._is_stale():
            return {"stale": True}
        sampling = Sampling(
            int(message["max_new_tokens"]), float(message["temperature"]), message.get("seed")
        )
        request = NormalizedRequest.model_validate_json(message["request"])
        return {"output": parts.backend.complete(request, sampling, cancelled).model_dump_json()}

    def _generate(self, message: dict[str, Any], cancelled: Callable[[], bool]) -> dict[str, Any]:
        from cli_tuner.boundaries.generate import generate
        from cli_tuner.resident.options import options_of

        parts = self._ready()
        if self._is_stale():
            return {"stale": True}
        options = options_of(message, model=self._model, cancelled=cancelled)
        response = generate(str(message["query"]), options, parts)
        return {"response": response.model_dump(mode="json")}

    def _ready(self) -> Parts:
        """The loaded parts; if they cannot be loaded this process has no purpose."""
        try:
            return self._loading.parts()
        except CliTunerError:
            self._finish()
            raise

    def _is_stale(self) -> bool:
        """Whether the model file was replaced; the client then starts a new process."""
        if not self._loading.file_changed():
            return False
        self._finish()
        return True

    def _finish(self) -> None:
        self._ending.set()
        self._waker.send(b"x")


class _Loading:
    """The parts, being loaded by one thread while another imports what they are used with."""

    def __init__(self, model: str, threads: int) -> None:
        self._model = model
        self._threads = threads
        self._settings: Settings = load_settings()
        self._paths = Paths.of()
        self._backend: EmbeddedBackend | None = None
        self._error: CliTunerError | None = None
        self._made: Parts | None = None
        self._files: dict[Path, tuple[int, int, int]] = {}
        self._lock = threading.Lock()
        self._loader = threading.Thread(target=self._load, daemon=True)
        self._loader.start()
        threading.Thread(target=_import_boundaries, daemon=True).start()

    def _load(self) -> None:
        try:
            from cli_tuner.boundaries.assemble import embedded
            from cli_tuner.models import resolve

            model = resolve(self._model, self._paths)
            files = (model.path, model.adapter_path)
            self._files = {path: _signature(path) for path in files if path is not None}
            self._backend = embedded(model, self._paths, self._threads)
        except CliTunerError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  whatever it is, the client must hear of it
            traceback.print_exc(file=sys.stderr)
            self._error = BackendError(f"the engine could not start: {error}")

    def parts(self) -> Parts:
        """The parts, waited for. Raises what went wrong."""
        self._loader.join()
        if self._error is not None or self._backend is None:
            raise self._error or BackendError("the engine is shutting down")
        with self._lock:
            if self._made is None:
                from cli_tuner.boundaries.assemble import parts_for

                self._made = parts_for(self._settings, self._paths, self._backend)
            return self._made

    def file_changed(self) -> bool:
        """Whether a file that was loaded is no longer the one on disk."""
        try:
            return any(_signature(path) != seen for path, seen in self._files.items())
        except OSError:
            return True

    def close(self) -> None:
        """Unload, as far as it was loaded."""
        if self._backend is not None:
            self._backend.close()


def _import_boundaries() -> None:
    import cli_tuner.boundaries.generate
    import cli_tuner.guard

    cli_tuner.guard.check("true")  # reads the rules, so that the first question need not


def _signature(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    return listener


def _check_caller(connection: socket.socket) -> None:
    """Raise unless the kernel says that the other side runs as this user."""
    if not hasattr(socket, "SO_PEERCRED"):
        return  # not Linux: the modes of folder and socket have to do
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", packed)
    if user not in (os.getuid(), 0):
        raise Cancelled("a stranger called")


def _hung_up(connection: socket.socket) -> Callable[[], bool]:
    """A function that tells whether the other side has gone away."""

    def gone() -> bool:
        try:
            if not select.select([connection], [], [], 0)[0]:
                return False
            return connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    return gone
