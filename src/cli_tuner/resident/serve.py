"""One resident process: one model, one socket, a thread for each caller, at most MOST_CALLERS.

It listens before the model is loaded, so that the first question waits here and not in a retry
loop. Only this user's processes are answered: the socket is 0600 in a 0700 folder, and the kernel
is asked who is calling. A caller has ten seconds to say what it wants; only one that has asked
the model for something counts as activity.

It ends by itself when idle, when told to (a question or a signal), when the model could not be
loaded, and when the model file was replaced; the socket goes first, so that whoever comes next
starts a new process. A caller that was not answered yet finds its connection closed, and asks the
new one.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli_tuner import __version__
from cli_tuner.backends import contact, wire
from cli_tuner.errors import BackendError, CliTunerError, UsageError
from cli_tuner.resident.loading import Loading
from cli_tuner.resident.log import log_failure
from cli_tuner.settings import Paths

if TYPE_CHECKING:
    from cli_tuner.boundaries.parts import Parts

MOST_CALLERS = 64
"""Connections served at a time; more wait in the kernel's queue."""

_WORK = ("complete", "sample", "generate")
_BACKLOG = 128
_QUESTION_TIMEOUT_S = 10.0
_REPLY_TIMEOUT_S = 10.0
_FAREWELL_TIMEOUT_S = 10.0
_LONGEST_SLEEP_S = 3600.0


class Resident:
    """The process. Making one binds the socket and begins to load the model."""

    def __init__(self, path: Path, model: str, threads: int, idle_s: float) -> None:
        """Raises ConfigError for wrong settings, OSError if the socket cannot be bound."""
        self._path = path
        self._model = model
        self._threads = threads
        self._idle_s = idle_s
        self._began = self._last = time.monotonic()
        self._callers = self._active = self._answered = 0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._loading = Loading(model, threads)
        self._listener = _bound(path)
        self._mark = contact.mark(path)
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)

    def serve(self) -> None:
        """Answer until it is time to end."""
        while not self._ending.is_set():
            patience_s = self._patience_s()
            if patience_s <= 0:
                break
            self._sleep(patience_s)
            if not self._ending.is_set() and self._callers < MOST_CALLERS:
                self._accept()
        self._end()

    def finish(self) -> None:
        """End soon. May be called from any thread and from a signal handler."""
        self._ending.set()
        self._rouse()

    def _patience_s(self) -> float:
        """Seconds until it is idle for too long, if nobody comes."""
        with self._lock:
            if self._active:
                return self._idle_s
            return self._last + self._idle_s - time.monotonic()

    def _sleep(self, most_s: float) -> None:
        """Until somebody calls, something was answered, or the time is over."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        if self._callers < MOST_CALLERS:
            poll.register(self._listener, select.POLLIN)
        poll.poll(min(most_s, _LONGEST_SLEEP_S) * 1000 + 1)
        with contextlib.suppress(OSError):
            self._wake.recv(4096)

    def _rouse(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake anyway
            self._waker.send(b"x")

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as error:  # no file descriptors left: those being served will free some
            log_failure(error)
            time.sleep(0.1)
            return
        with self._lock:
            self._callers += 1
        try:
            threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()
        except RuntimeError as error:  # no thread left
            log_failure(error)
            connection.close()
            self._gone()

    def _gone(self) -> None:
        with self._lock:
            self._callers -= 1
        self._rouse()

    def _end(self) -> None:
        """Take the socket away, let those finish that are being answered, unload."""
        if contact.mark(self._path) == self._mark:
            self._path.unlink(missing_ok=True)
        self._listener.close()
        deadline = time.monotonic() + _FAREWELL_TIMEOUT_S
        while self._active and time.monotonic() < deadline:
            time.sleep(0.005)
        self._loading.close()

    def _serve_one(self, connection: socket.socket) -> None:
        try:
            with connection:
                message = _question(connection)
                if message is not None:
                    self._answer(message, connection)
        except OSError:
            pass  # whoever asked is gone
        except Exception as error:  # noqa: BLE001  nobody else would hear of it
            log_failure(error)
        finally:
            self._gone()

    def _answer(self, message: dict[str, Any], connection: socket.socket) -> None:
        with self._lock:
            self._active += 1
        try:
            reply = self._reply(message, connection)
            connection.settimeout(_REPLY_TIMEOUT_S)
            wire.send(connection, reply)
        finally:
            with self._lock:
                self._active -= 1
                if message.get("op") in _WORK:  # looking whether it lives does not keep it alive
                    self._answered += 1
                    self._last = time.monotonic()

    def _reply(self, message: dict[str, Any], connection: socket.socket) -> dict[str, Any]:
        answer = {
            "status": self._status,
            "hello": self._hello,
            "stop": self._stop,
            "complete": self._complete,
            "sample": self._sample,
            "generate": self._generate,
            "check": self._check,
        }.get(str(message.get("op")))
        if answer is None:
            return wire.failure(UsageError("the engine does not know this question"))
        if message.get("model", self._model) != self._model:
            return wire.failure(BackendError(f"this engine holds {self._model}"))
        try:
            return answer(message, _hung_up(connection))
        except CliTunerError as error:
            return wire.failure(error)
        except Exception as error:  # noqa: BLE001  a bug must not leave the client waiting
            log_failure(error)
            return wire.failure(BackendError(f"the engine failed: {type(error).__name__}"))

    def _status(self, _: dict[str, Any], __: Callable[[], bool]) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "version": __version__,
            "protocol": wire.PROTOCOL,
            "model": self._model,
            "threads": self._threads,
            "loaded": self._loading.is_done,
            "up_s": time.monotonic() - self._began,
            "answered": self._answered,
        }

    def _hello(self, _: dict[str, Any], __: Callable[[], bool]) -> dict[str, Any]:
        return {"identity": self._ready().backend.identity.model_dump(mode="json")}

    def _stop(self, _: dict[str, Any], __: Callable[[], bool]) -> dict[str, Any]:
        self.finish()
        return {"stopped": True}

    def _complete(self, message: dict[str, Any], cancelled: Callable[[], bool]) -> dict[str, Any]:
        parts = self._ready()
        if self._is_stale():
            return {"stale": True}
        from cli_tuner.resident.options import request_of, sampling_of

        request, sampling = request_of(message), sampling_of(message)
        return {"output": parts.backend.complete(request, sampling, cancelled).model_dump_json()}

    def _sample(self, message: dict[str, Any], cancelled: Callable[[], bool]) -> dict[str, Any]:
        parts = self._ready()
        if self._is_stale():
            return {"stale": True}
        from cli_tuner.resident.options import count_of, request_of, sampling_of

        request, sampling, count = request_of(message), sampling_of(message), count_of(message)
        outputs = parts.backend.sample(request, sampling, count, cancelled)
        return {"outputs": [output.model_dump_json() for output in outputs]}

    def _generate(self, message: dict[str, Any], cancelled: Callable[[], bool]) -> dict[str, Any]:
        parts = self._ready()
        if self._is_stale():
            return {"stale": True}
        from cli_tuner.boundaries.generate import generate
        from cli_tuner.guard import load_policy
        from cli_tuner.resident.options import folder_of, options_of

        options = options_of(message, model=self._model, cancelled=cancelled)
        folder = folder_of(message)
        options = options.under(load_policy(Paths.of(), folder), folder)
        response = generate(str(message.get("query", "")), options, parts)
        return {"response": response.model_dump(mode="json")}

    def _check(self, message: dict[str, Any], _: Callable[[], bool]) -> dict[str, Any]:
        """The guard alone, for those who would have to load it; the model is not waited for."""
        from cli_tuner.guard import check, load_policy
        from cli_tuner.records import Safety
        from cli_tuner.resident.options import command_of, folder_of

        safety = Safety(str(message.get("safety", Safety.STRICT)))
        command, folder = command_of(message), folder_of(message)
        policy = load_policy(Paths.of(), folder)
        verdict = check(command, safety=safety, policy=policy, folder=folder)
        return {"verdict": verdict.as_json()}

    def _ready(self) -> Parts:
        """The loaded parts; if they cannot be loaded this process has no purpose."""
        try:
            return self._loading.parts()
        except CliTunerError:
            self.finish()
            raise

    def _is_stale(self) -> bool:
        """Whether the model file was replaced; the client then starts a new process."""
        if not self._loading.file_changed():
            return False
        self.finish()
        return True


def _question(connection: socket.socket) -> dict[str, Any] | None:
    """What a caller wants; None from a stranger, or if it was told that this is no message."""
    if contact.peer_uid(connection) not in (None, os.getuid(), 0):
        return None
    try:
        return wire.receive(connection, within_s=_QUESTION_TIMEOUT_S)
    except BackendError as error:
        connection.settimeout(_REPLY_TIMEOUT_S)
        wire.send(connection, wire.failure(error))
        return None


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _hung_up(connection: socket.socket) -> Callable[[], bool]:
    """A function that tells whether the other side has gone away, whatever it sent before."""
    end = getattr(select, "POLLRDHUP", select.POLLHUP)  # macOS says POLLHUP for both
    poll = select.poll()
    poll.register(connection, end)

    def gone() -> bool:
        return bool(poll.poll(0))

    return gone
