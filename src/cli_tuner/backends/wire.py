"""How the resident process is spoken to: one JSON line there, one JSON line back.

Standard library only, since the command line waits for these imports. Errors cross the wire as
their class name, sentence and hint, and are raised again on the other side as what they were.
Neither side trusts the other to send what it should: what is no message becomes a BackendError.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from cli_tuner import errors
from cli_tuner.errors import BackendError, CliTunerError

MAX_LINE = 4 * 1024 * 1024
"""Bytes of the longest message."""

PROTOCOL = 3


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one message.

    Raises BackendError if it is longer than the other side reads, OSError if that side is gone.
    """
    line = json.dumps(message, ensure_ascii=True).encode("ascii") + b"\n"
    if len(line) > MAX_LINE:
        raise BackendError(f"a message of {len(line)} bytes is too long for the engine's socket")
    connection.sendall(line)


def receive(connection: socket.socket, *, within_s: float | None = None) -> dict[str, Any] | None:
    """One message, or None if the other side closed before it had sent a whole one.

    `within_s` bounds the whole message: without it, only the socket's own timeout holds, which
    somebody who sends one byte at a time never reaches.

    Raises BackendError for what is not a message, OSError (TimeoutError) as the socket does.
    """
    line = _line(connection, None if within_s is None else time.monotonic() + within_s)
    if line is None:
        return None
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BackendError("a message on the engine's socket is not JSON") from error
    if not isinstance(message, dict):
        raise BackendError("a message on the engine's socket is not an object")
    return message


def _line(connection: socket.socket, deadline: float | None) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while not parts or not parts[-1].endswith(b"\n"):
        if deadline is not None:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the message did not end in time")
            connection.settimeout(left_s)
        part = connection.recv(65_536)
        if not part:
            return None
        parts.append(part)
        size += len(part)
        if size > MAX_LINE:
            raise BackendError("a message on the engine's socket is too long")
    return b"".join(parts)


def failure(error: CliTunerError) -> dict[str, Any]:
    """An error as a message."""
    return {
        "error": {"kind": type(error).__name__, "message": error.message, "hint": error.hint},
    }


def raise_failure(message: dict[str, Any]) -> None:
    """Raise what `failure` packed, if the message is one.

    Only classes of our own exception tree are made; any other name becomes a BackendError.
    """
    packed = message.get("error")
    if packed is None:
        return
    if not isinstance(packed, dict):
        raise BackendError("the engine failed and did not say why")
    kind = getattr(errors, str(packed.get("kind")), None)
    if not (isinstance(kind, type) and issubclass(kind, CliTunerError)):
        kind = BackendError
    hint = packed.get("hint")
    raise kind(str(packed.get("message")), hint=None if hint is None else str(hint))
