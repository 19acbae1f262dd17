"""Where a model's bytes come from. Each source appends to one partial file, in order.

All sources carry the same bytes, so any of them can continue what another began; what arrives
is believed only when the whole file has the catalogue's digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cli_tuner.models.entry import ModelFile
from cli_tuner.models.progress import Progress


@dataclass(frozen=True)
class Order:
    """What to bring, and where to put it. `partial` may hold a stretch of it already."""

    entry: ModelFile
    partial: Path
    progress: Progress
    environ: Mapping[str, str]


class Source(Protocol):
    """One place that may have the file."""

    name: str

    def bring(self, order: Order) -> None:
        """Complete the partial file.

        Raises FetchError whose message is this source's reason in one line; what was written
        stays to be continued. An OSError is the local disk's and stops the whole fetch.
        """
