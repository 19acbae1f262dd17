"""A model that is made here from another one: the official file with fewer tokens.

The same input gives the same bytes, so the catalogue pins the digest of what comes out, as it does
for what is downloaded.
"""

from __future__ import annotations

from pathlib import Path

from cli_tuner.errors import CliTunerError, FetchError
from cli_tuner.models.entry import BaseModel
from cli_tuner.models.sources import Order


class Derived:
    """Trims the origin's verified file."""

    def __init__(self, origin: Path, origin_sha256: str, alphabet: str) -> None:
        self.name = f"{origin.name}, trimmed here"
        self._origin = origin
        self._origin_sha256 = origin_sha256
        self._alphabet = alphabet

    def bring(self, order: Order) -> None:
        """Write the partial file anew; it is quicker than finding out what is in it."""
        from cli_tuner.trim.alphabet import Alphabet
        from cli_tuner.trim.file import trim

        def tell(done: int, total: int) -> None:
            order.progress.on_progress(done, total, self.name)

        try:
            trim(
                self._origin,
                order.partial,
                Alphabet(self._alphabet),
                source_sha256=self._origin_sha256,
                on_written=tell,
            )
        except CliTunerError as error:
            raise FetchError(error.message) from error


def derived_source(entry: BaseModel, origin: BaseModel, path: Path) -> Derived:
    """The source of an entry that is made from `origin`, whose file is at `path`."""
    return Derived(path, origin.sha256, entry.trim or "")
