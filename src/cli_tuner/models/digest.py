"""Digests of files, and the quick look that tells a GGUF file from an error page."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cli_tuner.models.progress import SILENT, Progress

GGUF_MAGIC = b"GGUF"
CHUNK_BYTES = 1 << 20
CHECKING = "checking"


def sha256_of_file(path: Path, progress: Progress = SILENT) -> str:
    """The file's SHA-256 as 64 hexadecimal digits. Raises OSError.

    Reports the bytes read, as "checking".
    """
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        total = path.stat().st_size
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            progress.on_progress(done, total, CHECKING)
    return digest.hexdigest()


def is_gguf(path: Path) -> bool:
    """Whether the file starts as a GGUF file does. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(GGUF_MAGIC)) == GGUF_MAGIC


def short(sha256: str) -> str:
    """The first 12 digits: enough for a person to compare."""
    return sha256[:12]
