"""How the resident process is spoken to: one JSON line there, one JSON line back.

Standard library only, since the command line waits for these imports. Errors cross the wire as
their class name, sentence and hint, and are raised again on the other side as what they were.
"""

from __future__ import annotations

import json
import socket
from typing import Any

from cli_tuner import errors
from cli_tuner.errors import BackendError, CliTunerError

MAX_LINE = 4 * 1024 * 1024
PROTOCOL = 1


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one message. Raises OSError if the other side is gone."""
    connection.sendall(json.dumps(message, ensure_ascii=True).encode("ascii") + b"\n")


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """One message, or None if the other side closed without sending one.

    Raises BackendError for what is not a message, OSError (TimeoutError) as the socket does.
    """
    parts: list[bytes] = []
    size = 0
    while not parts or not parts[-1].endswith(b"\n"):
        part = connection.recv(65_536)
        if not part:
            return None
        parts.append(part)
        size += len(part)
        if size > MAX_LINE:
            raise BackendError("a message on the engine's socket is too long")
    try:
        message = json.loads(b"".join(parts))
    except ValueError as error:
        raise BackendError("a message on the engine's socket is not JSON") from error
    if not isinstance(message, dict):
        raise BackendError("a message on the engine's socket is not an object")
    return message


def failure(error: CliTunerError) -> dict[str, Any]:
    """An error as a message."""
    return {
        "error": {"kind": type(error).__name__, "message": error.message, "hint": error.hint},
    }


def raise_failure(message: dict[str, Any]) -> None:
    """Raise what `failure` packed, if the message is one."""
    packed = message.get("error")
    if packed is None:
        return
    kind = getattr(errors, str(packed.get("kind")), BackendError)
    if not (isinstance(kind, type) and issubclass(kind, CliTunerError)):
        kind = BackendError
    raise kind(str(packed.get("message")), hint=packed.get("hint"))
