"""A finished file once more with fewer tokens, checked byte for byte against the whole one."""

from __future__ import annotations

from pathlib import Path

from cli_tuner.artifacts import Progress
from cli_tuner.errors import QuantizationError
from cli_tuner.trim import SOURCE_KEY
from cli_tuner.trim.alphabet import Alphabet
from cli_tuner.trim.file import ALPHABET_KEY, Trimmed, differences, trim


def write_trimmed(
    source: Path, target: Path, alphabet: Alphabet, source_sha256: str, progress: Progress
) -> Trimmed:
    """Write it. Raises QuantizationError if it is not what it should be, or the disk is full."""
    progress.step(f"keep the tokens of {alphabet} texts", None)
    try:
        made = trim(source, target, alphabet, source_sha256=source_sha256)
        wrong = differences(source, target, alphabet)
    except OSError as error:
        raise QuantizationError(
            f"cannot write {target.name}: {error.strerror}", hint="make room on the disk"
        ) from error
    if wrong:
        raise QuantizationError(f"{target.name} differs from its source in {', '.join(wrong)}")
    progress.note(f"{made.rows:,} of {made.rows_before:,} tokens")
    return made


def trim_keys(alphabet: Alphabet, source_sha256: str) -> dict[str, str]:
    """What the file must say of itself, besides what its source says."""
    return {SOURCE_KEY: source_sha256, ALPHABET_KEY: str(alphabet)}
