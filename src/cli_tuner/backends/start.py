"""Starting a resident process, and hearing why it could not start."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cli_tuner.backends import wire
from cli_tuner.errors import BackendTimeout, BackendUnreachable, ConfigError

START_TIMEOUT_S = 120.0
_LOG_MAX = 1024 * 1024
_SECRETS = ("CLI_TUNER_API_KEY",)  # for endpoints; a process that lives on has no use for them


def start(program: str, options: dict[str, str], log: Path) -> None:
    """Start `python -m program --name=value ...` and wait until it listens.

    The process is told a file descriptor (`--ready-fd`) to which it writes one JSON line: that it
    is ready, or what is wrong. It detaches itself, so that no zombie is left to the caller.

    Raises what the process says is wrong, BackendUnreachable if it ended without a word,
    BackendTimeout, or ConfigError if the log cannot be written.
    """
    reader, writer = os.pipe()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, reader)
        with contextlib.ExitStack() as handed_over:
            handed_over.callback(os.close, writer)
            handle, offset = _opened(log)
            handed_over.callback(os.close, handle)
            process = _popen(program, {**options, "ready-fd": str(writer)}, handle, writer)
        stack.callback(process.wait)
        ready = _ready_line(reader)
        if ready is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            raise BackendTimeout("the engine did not start", hint=f"see {log}")
    _check_ready(ready, log, offset)


def _popen(program: str, options: dict[str, str], log: int, writer: int) -> subprocess.Popen[bytes]:
    arguments = [f"--{name}={value}" for name, value in options.items()]
    try:
        return subprocess.Popen(
            # -P: not even a folder like / may shadow a module of ours
            [sys.executable, "-P", "-m", program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writer,),
            start_new_session=True,
            cwd="/",
            env={name: value for name, value in os.environ.items() if name not in _SECRETS},
        )
    except (OSError, ValueError) as error:
        raise BackendUnreachable(f"the engine could not be started: {error}") from error


def _ready_line(reader: int) -> bytes | None:
    """What the process says, up to its line's end or its own; None if it says nothing in time."""
    import select

    poll = select.poll()
    poll.register(reader, select.POLLIN)
    deadline = time.monotonic() + START_TIMEOUT_S
    said = b""
    while not said.endswith(b"\n"):
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not poll.poll(left_s * 1000):
            return None
        part = os.read(reader, 65_536)
        if not part:
            break
        said += part
    return said


def _check_ready(said: bytes, log: Path, offset: int) -> None:
    try:
        message: Any = json.loads(said) if said else None
    except ValueError:
        message = None
    if isinstance(message, dict) and message.get("ready") is True:
        return
    if isinstance(message, dict):
        wire.raise_failure(message)
    last = _last_line(log, offset)
    because = f": {last}" if last else ""
    raise BackendUnreachable(f"the engine could not start{because}", hint=f"see {log}")


def _opened(log: Path) -> tuple[int, int]:
    """The log, to be appended to, and where it ends now; begun anew when it has grown."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        handle = os.open(log, flags, 0o600)
    except OSError as error:
        raise ConfigError(
            f"cannot write {log}: {error.strerror}", hint="move it away or make it writable"
        ) from error
    size = os.fstat(handle).st_size
    if size > _LOG_MAX:
        os.ftruncate(handle, 0)
        size = 0
    return handle, size


def _last_line(log: Path, offset: int) -> str:
    """The last thing it wrote after `offset`: of a Python traceback, the sentence."""
    try:
        with log.open("rb") as file:
            file.seek(offset)
            lines = file.read(65_536).decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip()[:300] if lines else ""
