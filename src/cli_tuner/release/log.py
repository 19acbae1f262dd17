"""The promotion log: every gate's outcome and every switch, one line each, only ever appended.

`<state>/releases/promotions.jsonl` is a chain like the journal's files: each line has the hash of
the one before it, so that a line changed or taken out is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cli_tuner.errors import ReleaseError
from cli_tuner.journal.chain import append
from cli_tuner.journal.line import parse_line
from cli_tuner.journal.verify import ChainReport, verify
from cli_tuner.records import Record
from cli_tuner.records.base import UtcMoment
from cli_tuner.records.plain import Sha256
from cli_tuner.release.slots import releases
from cli_tuner.settings import Paths

LOG = "promotions.jsonl"
Seconds = Annotated[float, Field(ge=0)]


class Outcome(Record):
    """One gate: whether it was passed, what was found, and how long that took."""

    gate: str
    passed: bool
    said: str
    seconds: Seconds = 0.0


class PromotionRecord(Record):
    """One event in the life of a release.

    `gated` its gates were passed, `refused` one was not, `promoted` and `rolled_back` are
    switches, `canary` a share was set, `watched` the time after a switch was looked at.
    """

    schema_version: Literal["1"] = "1"
    timestamp: UtcMoment
    event: Literal["gated", "refused", "promoted", "canary", "rolled_back", "watched"]
    version: str
    manifest_sha256: Sha256 | None
    """None if there was no manifest that could be trusted."""
    before: str | None = None
    """The version that was active before a switch."""
    share: Annotated[int, Field(ge=0, le=100)] | None = None
    outcomes: tuple[Outcome, ...] = ()
    reason: str = ""
    seconds: Seconds = 0.0


def log_path(paths: Paths) -> Path:
    """Where it is."""
    return releases(paths) / LOG


def keep(paths: Paths, record: PromotionRecord) -> None:
    """Append one event. Raises JournalError, naming the file."""
    append(log_path(paths), record)


def check_log(paths: Paths) -> ChainReport:
    """The chain, checked from its first line. Raises JournalError if it cannot be read."""
    return verify(log_path(paths))


def events(paths: Paths) -> Iterator[PromotionRecord]:
    """All events, the oldest first. Raises ReleaseError for a line that was changed."""
    path = log_path(paths)
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        parsed = parse_line(line)
        if parsed is None:
            continue  # torn by a crash while it was written
        if not parsed.is_intact:
            raise ReleaseError(f"{path}: a line was changed", hint="see: cli-tuner release status")
        yield PromotionRecord.model_validate_json(parsed.body)
