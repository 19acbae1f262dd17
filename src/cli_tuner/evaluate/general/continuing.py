"""Who continues a text: what a benchmark needs of a backend. Each answer is kept at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from cli_tuner.backends.protocol import never


@runtime_checkable
class Continues(Protocol):
    """A backend that continues any text greedily."""

    def complete_text(
        self,
        prompt: str,
        stop: Sequence[str],
        max_new_tokens: int,
        cancelled: Callable[[], bool] = never,
    ) -> str:
        """The continuation, up to the first of `stop`. Raises BackendError."""


class Remembering:
    """Asks a backend once for each text; what it said before is in the file."""

    def __init__(self, backend: Continues, file: Path) -> None:
        self._backend, self._file = backend, file
        self._known = _read(file)

    def continuation(self, prompt: str, stop: Sequence[str], max_new_tokens: int) -> str:
        """The text that follows. Raises BackendError."""
        asked = json.dumps([prompt, list(stop), max_new_tokens], ensure_ascii=False)
        key = hashlib.sha256(asked.encode()).hexdigest()
        if key not in self._known:
            self._known[key] = self._backend.complete_text(prompt, stop, max_new_tokens)
            with self._file.open("a", encoding="utf-8") as file:
                line = {"asked_sha256": key, "text": self._known[key]}
                file.write(f"{json.dumps(line, ensure_ascii=False)}\n")
        return self._known[key]


def _read(file: Path) -> dict[str, str]:
    """What is there; the file is cut where a line is not whole."""
    if not file.exists():
        return {}
    known: dict[str, str] = {}
    whole = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
            known[row["asked_sha256"]] = row["text"]
        except (ValueError, KeyError, TypeError):
            break
        whole.append(f"{line}\n")
    file.write_text("".join(whole), encoding="utf-8")
    return known
