"""How a stage says how far it is. A terminal or a test supplies the other end."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives what a stage is doing. A new step ends the one before it."""

    def step(self, name: str, total: int | None = None) -> None:
        """A step begins; `total` is how many items it has, if that is known."""

    def advance(self, count: int = 1) -> None:
        """So many more items are done."""

    def note(self, text: str, *, keep: bool = False) -> None:
        """What is to be said of the step just now; `keep` if it is worth a line of its own."""


class _Silent:
    def step(self, name: str, total: int | None = None) -> None:
        pass

    def advance(self, count: int = 1) -> None:
        pass

    def note(self, text: str, *, keep: bool = False) -> None:
        pass


SILENT: Progress = _Silent()
"""Shows nothing."""
