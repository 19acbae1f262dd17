"""A period of the journal in numbers: counts, rates with their intervals, quantiles.

Read through the journal itself and not as text, so that a record that was changed is found instead
of counted. Only counts leave this module: no query, no command, no person.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from cli_tuner.journal import Journal
from cli_tuner.records import (
    FeedbackRecord,
    PerformanceRecord,
    ProvenanceRecord,
    Record,
    confidence_of,
)
from cli_tuner.wilson import wilson

BOUNDARIES = ("ingress", "normalize", "inference", "validation", "egress")


@dataclass(frozen=True)
class Rate:
    """So many of so many, with the 95 % interval of Wilson (1927). Of nothing there is no rate."""

    count: int
    of: int

    @property
    def share(self) -> float | None:
        """0 to 1."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the true share lies, most probably."""
        return wilson(self.count, self.of) if self.of else None

    def __str__(self) -> str:
        if self.share is None or self.interval is None:
            return "none"
        low, high = self.interval
        return f"{self.share:.1%} ({self.count:,} of {self.of:,}; {low:.1%} to {high:.1%})"


@dataclass
class Day:
    """One day in UTC."""

    answered: int = 0
    refused: int = 0
    latencies_ms: list[float] = field(default_factory=list)


@dataclass
class Numbers:
    """One period. Latencies are milliseconds, confidences 0 to 1."""

    since: datetime
    until: datetime
    days: dict[date, Day] = field(default_factory=dict)
    boundary_ms: dict[str, list[float]] = field(default_factory=dict)
    confidences: list[float] = field(default_factory=list)
    prompt_tokens: list[int] = field(default_factory=list)
    completion_tokens: int = 0
    levels: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    callers: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    feedback: Counter[str] = field(default_factory=Counter)
    people: set[str] = field(default_factory=set)
    signals: int = 0

    @property
    def requests(self) -> int:
        """Crossings that reached an answer."""
        return sum(day.answered + day.refused for day in self.days.values())

    @property
    def passed(self) -> Rate:
        """Answers with a command, of all."""
        return Rate(sum(day.answered for day in self.days.values()), self.requests)

    @property
    def latencies_ms(self) -> list[float]:
        """Of all answers."""
        return [ms for day in self.days.values() for ms in day.latencies_ms]

    @property
    def reported(self) -> Rate:
        """Reports by people, of all answers."""
        return Rate(min(self.requests, sum(self.feedback.values())), self.requests)


def numbers(journal: Journal, since: datetime, until: datetime) -> Numbers:
    """What happened from `since` on, before `until`. Raises JournalError."""
    found = Numbers(since, until)
    for performance in _within(journal, PerformanceRecord, since, until):
        _add_performance(found, performance)
    for provenance in _within(journal, ProvenanceRecord, since, until):
        _add_provenance(found, provenance)
    for report in _within(journal, FeedbackRecord, since, until):
        if report.kind != "validation_error":
            found.feedback[report.kind] += 1
    return found


def _within(
    journal: Journal, kind: type[Record], since: datetime, until: datetime
) -> Iterator[Any]:
    for record in journal.since(kind, since):  # type: ignore[type-var]  # one of the kinds kept
        if record.timestamp < until:  # type: ignore[attr-defined]
            yield record


def _add_performance(found: Numbers, record: PerformanceRecord) -> None:
    day = found.days.setdefault(record.timestamp.date(), Day())
    if record.valid:
        day.answered += 1
    else:
        day.refused += 1
    day.latencies_ms.append(record.latency.total_ms)
    for name in BOUNDARIES:
        found.boundary_ms.setdefault(name, []).append(getattr(record.latency, f"{name}_ms"))
    confidence = confidence_of(record.mean_logprob)
    if confidence is not None:
        found.confidences.append(confidence)
    if record.prompt_tokens:
        found.prompt_tokens.append(record.prompt_tokens)
    found.completion_tokens += record.completion_tokens
    found.models[record.model] += 1


def _add_provenance(found: Numbers, record: ProvenanceRecord) -> None:
    if record.level is not None:
        found.levels[record.level.value] += 1
    if record.refusal is not None:
        found.refusals[record.refusal.value] += 1
    found.rules.update(set(record.rule_ids))
    found.callers[record.caller.value] += 1
    found.people.add(record.user_hmac)
    found.signals += bool(record.signals)


def quantile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
