"""Bringing a model here, as a person sees it: a question, a progress bar, a last word."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cli_tuner.boundaries.terminal import Screen, ask, visible
from cli_tuner.errors import ModelMissing, UsageError
from cli_tuner.models import ModelFile, Obtained, Progress, load_catalogue, needed, obtain
from cli_tuner.settings import Paths, Settings

_PLAIN_EVERY_S = 10.0


def offer_to_fetch(settings: Settings, missing: ModelMissing) -> bool:
    """On first use: ask on the terminal, and fetch if the person says yes.

    False without a terminal or without a yes; then the error stands.
    """
    if not sys.stderr.isatty():
        return False
    reply = ask(f"{missing.message}; fetch it now? [Y/n]")
    if reply is None or reply.lower() not in {"", "y", "yes"}:
        return False
    fetch(settings.model, Screen(settings.color))
    return True


def fetch(ref: str, screen: Screen, given_file: str | None = None) -> tuple[Obtained, ...]:
    """Have every file that a reference needs, verified, with a progress bar.

    Raises UsageError for an unknown name, FetchError with every source's reason.
    """
    paths = Paths.of()
    entries = needed(ref, load_catalogue(paths))
    if given_file is not None and len(entries) != 1:
        raise UsageError(f"--file brings one file, and {ref} needs {len(entries)}")
    obtained = []
    for entry in entries:
        with _Bar(entry, screen) as bar:
            file = Path(given_file) if given_file is not None else None
            obtained.append(obtain(entry, paths, given_file=file, progress=bar))
    return tuple(obtained)


class _Bar(Progress):
    """A bar on a terminal, a line every ten seconds elsewhere, nothing if nothing is fetched."""

    def __init__(self, entry: ModelFile, screen: Screen) -> None:
        self._entry = entry
        self._screen = screen
        self._bar: Any = None
        self._task: Any = None
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def on_notice(self, message: str) -> None:
        """Say it above the bar."""
        self._screen.line(f"  {visible(message)}")

    def on_progress(self, done_bytes: int, total_bytes: int, source: str) -> None:
        """Move the bar."""
        if sys.stderr.isatty():
            self._draw(done_bytes, total_bytes, source)
        elif time.monotonic() - self._said >= _PLAIN_EVERY_S:
            self._said = time.monotonic()
            percent = 100 * done_bytes // max(1, total_bytes)
            self._screen.line(f"  {self._entry.name}: {percent} % · {visible(source)}")

    def _draw(self, done_bytes: int, total_bytes: int, source: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                TextColumn,
                TimeRemainingColumn,
                TransferSpeedColumn,
            )
            from rich.progress import Progress as RichProgress

            self._bar = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(self._entry.name, total=total_bytes)
            self._bar.start()
        self._bar.update(
            self._task,
            completed=done_bytes,
            total=total_bytes,
            description=f"{self._entry.name} · {visible(source)}",
        )
