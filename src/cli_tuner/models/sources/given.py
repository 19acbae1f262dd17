"""A file that somebody points at: `--file`, or the path in an adapter's entry."""

from __future__ import annotations

from pathlib import Path

from cli_tuner.errors import FetchError
from cli_tuner.models.digest import CHUNK_BYTES, is_gguf, sha256_of_file, short
from cli_tuner.models.entry import ModelFile
from cli_tuner.models.sources import Order


class Given:
    """Copies a local file; never moves or links it, so that it stays the user's."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self.path = path

    def bring(self, order: Order) -> None:
        """Check the file first, then copy it over whatever the partial held."""
        total = order.entry.size_bytes
        self._check(order)
        with self.path.open("rb") as source, order.partial.open("wb") as target:
            done = 0
            while chunk := source.read(CHUNK_BYTES):
                target.write(chunk)
                done += len(chunk)
                order.progress.on_progress(done, total, self.name)

    def _check(self, order: Order) -> None:
        entry = order.entry
        try:
            size = self.path.stat().st_size
            if size != entry.size_bytes:
                raise FetchError(
                    f"{self.path} is not {entry.name}: "
                    f"it has {size:,} bytes, not {entry.size_bytes:,}"
                )
            if not is_gguf(self.path):
                raise FetchError(f"{self.path} is not a GGUF file")
            found = sha256_of_file(self.path, order.progress)
        except OSError as error:
            raise FetchError(f"cannot read {self.path}: {error.strerror}") from error
        if found != entry.sha256:
            raise FetchError(
                f"{self.path} is not {entry.name}: "
                f"it has the digest {short(found)}, not {short(entry.sha256)}"
            )


def same_file(path: Path, other: Path) -> bool:
    """Whether both name one existing file."""
    try:
        return path.samefile(other)
    except OSError:
        return False


def local_source(entry: ModelFile) -> Given | None:
    """The source of an entry that names a file on this machine."""
    return Given(entry.local) if entry.local is not None else None
