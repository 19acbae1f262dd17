"""The time after a switch: what the journal says of it, and whether that is bad enough to go back.

Judged are the requests since the switch, of the canary alone while there is one, against the bounds
in the manifest of the release that answers them. The journal has what crossed the boundaries: an
engine that does not answer at all is in the service's metrics and its readiness, not here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from cli_tuner.errors import ReleaseError
from cli_tuner.journal import Journal
from cli_tuner.records import Level, PerformanceRecord
from cli_tuner.release.gates import percentile
from cli_tuner.release.log import Outcome, PromotionRecord, keep
from cli_tuner.release.manifest import Bounds
from cli_tuner.release.slots import Place, held_in, in_share, read_pointer
from cli_tuner.settings import Paths


class Sign(StrEnum):
    """What a look found."""

    FINE = "fine"
    TOO_FEW = "too few requests"
    BAD = "bad"
    OVER = "the watch is over"


class Watched(NamedTuple):
    """One look at the time after a switch."""

    sign: Sign
    version: str
    requests: int
    outcomes: tuple[Outcome, ...]

    @property
    def reason(self) -> str:
        """What is bad, as one line."""
        return "; ".join(one.said for one in self.outcomes if not one.passed)


def watch(paths: Paths, at: datetime | None = None) -> Watched | None:
    """Look at the requests since the last switch; None if nothing is active.

    A release that is not whole any more is bad without a request. Raises JournalError if the
    journal cannot be read.
    """
    pointer = read_pointer(paths)
    if pointer is None:
        return None
    place = pointer.canary or pointer.active
    try:
        bounds = held_in(paths, place).manifest.bounds
    except ReleaseError as error:
        broken = Outcome(gate="release", passed=False, said=str(error))
        return Watched(Sign.BAD, place.version, 0, (broken,))
    at = datetime.now(UTC) if at is None else at
    until = pointer.since + timedelta(minutes=bounds.watch_minutes)
    records = [
        record
        for record in Journal(paths).since(PerformanceRecord, pointer.since)
        if record.timestamp < until
        and (pointer.canary is None or in_share(record.request_id, pointer.share))
    ]
    if len(records) < bounds.watch_requests_min:
        sign = Sign.OVER if at >= until else Sign.TOO_FEW
        return Watched(sign, place.version, len(records), ())
    outcomes = tuple(_outcomes(records, bounds))
    if not all(one.passed for one in outcomes):
        sign = Sign.BAD
    else:
        sign = Sign.OVER if at >= until else Sign.FINE
    if sign is not Sign.OVER:
        _keep(paths, place, outcomes, sign)
    return Watched(sign, place.version, len(records), outcomes)


def _outcomes(records: list[PerformanceRecord], bounds: Bounds) -> list[Outcome]:
    count = len(records)
    dangerous = sum(record.level is Level.DANGEROUS for record in records)
    errors = sum(not record.valid and record.level is not Level.DANGEROUS for record in records)
    p95 = percentile([record.latency.total_ms for record in records], 0.95)
    return [
        _rate("errors", errors / count, bounds.watch_error_rate_max),
        _rate("dangerous", dangerous / count, bounds.watch_dangerous_rate_max),
        Outcome(
            gate="latency",
            passed=p95 <= bounds.latency_p95_ms,
            said=f"latency p95 is {p95:.0f} ms of at most {bounds.latency_p95_ms:.0f}",
        ),
    ]


def _rate(name: str, found: float, bound: float) -> Outcome:
    said = f"{name} are {found:.1%} of at most {bound:.1%}"
    return Outcome(gate=name, passed=found <= bound, said=said)


def _keep(paths: Paths, place: Place, outcomes: tuple[Outcome, ...], sign: Sign) -> None:
    keep(
        paths,
        PromotionRecord(
            timestamp=datetime.now(UTC),
            event="watched",
            version=place.version,
            manifest_sha256=place.manifest_sha256,
            outcomes=outcomes,
            reason=sign.value,
        ),
    )
