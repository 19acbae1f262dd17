"""A period of the journal in numbers: counts, rates with their intervals, quantiles.

Asked of the journal through DuckDB (`database.py`), which finds a record that was changed instead
of counting it. Only counts leave this module: no query, no command, no person.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from cli_tuner.journal import Journal
from cli_tuner.records import confidence_of
from cli_tuner.watch.database import BOUNDARIES, Database
from cli_tuner.wilson import wilson


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
    """What happened from `since` on, before `until`.

    Raises JournalError, and ExtraMissing without DuckDB.
    """
    found = Numbers(since, until)
    with Database(journal, since, until) as database:
        _add_performance(found, database)
        _add_provenance(found, database)
        found.feedback.update(_counts(database, _FEEDBACK))
    return found


_TOTAL_MS = " + ".join(f"latency.{name}_ms" for name in BOUNDARIES)
_DAYS = f"""
SELECT timestamp::DATE, count(*) FILTER (valid), count(*) FILTER (NOT valid), list({_TOTAL_MS})
FROM performance GROUP BY ALL ORDER BY ALL
"""  # noqa: S608  # our own names
_BOUNDARY_MS = ", ".join(f"list(latency.{name}_ms)" for name in BOUNDARIES)
_ENGINE = f"""
SELECT {_BOUNDARY_MS},
       coalesce(list(mean_logprob) FILTER (mean_logprob IS NOT NULL), []),
       coalesce(list(prompt_tokens) FILTER (prompt_tokens > 0), []),
       sum(completion_tokens)
FROM performance HAVING count(*) > 0
"""  # noqa: S608  # our own names
_MODELS = "SELECT model, count(*) FROM performance GROUP BY ALL"
_LEVELS = "SELECT level, count(*) FROM provenance WHERE level IS NOT NULL GROUP BY ALL"
_REFUSALS = "SELECT refusal, count(*) FROM provenance WHERE refusal IS NOT NULL GROUP BY ALL"
_RULES = """
SELECT rule, count(*)
FROM (SELECT unnest(list_distinct(rule_ids)) AS rule FROM provenance) GROUP BY ALL
"""
_CALLERS = "SELECT caller, count(*) FROM provenance GROUP BY ALL"
_PEOPLE = "SELECT DISTINCT user_hmac FROM provenance"
_SIGNALS = "SELECT count(*) FROM provenance WHERE len(signals) > 0"
_FEEDBACK = "SELECT kind, count(*) FROM feedback WHERE kind != 'validation_error' GROUP BY ALL"


def _add_performance(found: Numbers, database: Database) -> None:
    for date_, answered, refused, latencies_ms in database.rows(_DAYS):
        found.days[date_] = Day(answered, refused, latencies_ms)
    for *boundaries, logprobs, prompt_tokens, completion_tokens in database.rows(_ENGINE):
        found.boundary_ms = dict(zip(BOUNDARIES, boundaries, strict=True))
        found.confidences = [one for one in map(confidence_of, logprobs) if one is not None]
        found.prompt_tokens = prompt_tokens
        found.completion_tokens = int(completion_tokens)
    found.models.update(_counts(database, _MODELS))


def _add_provenance(found: Numbers, database: Database) -> None:
    found.levels.update(_counts(database, _LEVELS))
    found.refusals.update(_counts(database, _REFUSALS))
    found.rules.update(_counts(database, _RULES))
    found.callers.update(_counts(database, _CALLERS))
    found.people.update(person for (person,) in database.rows(_PEOPLE))
    ((found.signals,),) = database.rows(_SIGNALS)


def _counts(database: Database, query: str) -> dict[str, int]:
    return dict(database.rows(query))


def quantile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
