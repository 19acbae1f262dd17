"""Where pairs come from: one module for each kind of source, and one front door.

Raises DataError for a source that is not usable, naming the file and line.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Protocol

from cli_tuner.data.config import FileSource, GeneratedSource, HubSource, Source, TldrSource
from cli_tuner.data.pair import Pair, Skipped


class Opened(Protocol):
    """A source that is there."""

    def rows(self) -> Iterator[Pair | Skipped]:
        """Its pairs, and the rows that are none, in a fixed order."""

    def origin(self) -> dict[str, Any]:
        """For the provenance: where, which revision or digest, how many bytes."""


def opened(source: Source, seed: int) -> Opened:
    """The source, checked as far as that is cheap. Only its kind's module is imported."""
    kinds: dict[type[Any], tuple[str, str]] = {
        FileSource: ("file", "File"),
        HubSource: ("hub", "Hub"),
        TldrSource: ("tldr", "Tldr"),
        GeneratedSource: ("generated", "Generated"),
    }
    module, name = kinds[type(source)]
    kind = getattr(import_module(f"{__name__}.{module}"), name)
    made: Opened = kind(source, seed)
    return made
