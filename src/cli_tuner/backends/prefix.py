"""The prompt's fixed prefix as the engine has read it, kept on disk for the next engine.

Reading the prefix is most of the prompt's work in a first answer. What the engine computed from it
(some hundred kilobytes a model) is written down once, right after it was read and before any
query is, and a later process takes it back instead of reading again: the same bits, so the same
answers.

    <key>-<digest>.state    key: model, adapter, prefix, engine, its settings, this processor's kind
                            digest: of the content, checked before the engine sees it

Nothing of a query is in there. The folder is this user's alone. A file that is missing, damaged or
not taken is no error: the prefix is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = "1"
_KEPT_FILES = 8
_DIGITS = 32
_TIMEOUT_S = 20.0


class Control(NamedTuple):
    """The engine's own HTTP server, which only this process has the key of."""

    socket: Path
    key: str

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """What it answers, or None if it refuses. Raises OSError, ValueError for no JSON."""
        sent = json.dumps(body).encode("ascii")
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Length: {len(sent)}\r\n\r\n"
        )
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.connect(str(self.socket))
            connection.sendall(head.encode("ascii") + sent)
            reply = b"".join(iter(lambda: connection.recv(65_536), b""))
        status, _, text = reply.partition(b"\r\n\r\n")
        if status.split(b" ", 2)[1:2] != [b"200"]:
            return None
        found = json.loads(text)
        return found if isinstance(found, dict) else None


class KeptPrefix:
    """The file of one engine. Thread-safe: whoever comes second writes the same again."""

    def __init__(self, folder: Path, parts: Sequence[object], control: Control) -> None:
        """`parts` are all that the engine's state depends on."""
        text = "\0".join(str(part) for part in (FORMAT, *parts))
        self._folder = folder
        self._key = hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
        self._control = control
        self._is_settled = False

    def restore(self, slot: int) -> bool:
        """Whether the slot now stands behind the prefix, from a file."""
        for path in self._folder.glob(f"{self._key}-*.state"):
            with contextlib.suppress(OSError, ValueError):
                if path.name == self._name(path) and self._told(slot, "restore", path.name):
                    path.touch()
                    self._is_settled = True
                    return True
            _remove(path)
        return False

    def keep(self, slot: int) -> None:
        """Write down the slot, which has read the prefix and nothing else; once a process."""
        if self._is_settled:
            return
        self._is_settled = True
        new = self._folder / f"{self._key}.{secrets.token_hex(4)}.new"
        try:
            if self._told(slot, "save", new.name):
                new.chmod(0o600)
                new.replace(self._folder / self._name(new))
                self._forget_the_oldest()
        except (OSError, ValueError):
            return  # the next process reads the prefix, as this one did
        finally:
            _remove(new)

    def _told(self, slot: int, action: str, name: str) -> bool:
        reply = self._control.post(f"/slots/{slot}?action={action}", {"filename": name})
        return reply is not None

    def _name(self, path: Path) -> str:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGITS]
        return f"{self._key}-{digest}.state"

    def _forget_the_oldest(self) -> None:
        files = sorted(self._folder.glob("*.state"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-_KEPT_FILES]:
            _remove(path)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
