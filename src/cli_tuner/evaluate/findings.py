"""What a run found, before it is written down: items, outcomes, and rates of any part of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli_tuner.evaluate.config import EvaluateConfig
from cli_tuner.evaluate.general.benchmarks import Benchmarks
from cli_tuner.evaluate.guard_cases import GuardFindings
from cli_tuner.evaluate.rate import Measure, Rate
from cli_tuner.evaluate.rows import RowSet
from cli_tuner.evaluate.suite import Item, Outcome, SuiteResult
from cli_tuner.shell.template import utilities_of

NO_UTILITY = "(none)"
Judged = tuple[Item, Outcome]


@dataclass(frozen=True)
class SetFindings:
    """One set: its rows, the answers, and what each suite says of them."""

    rows: RowSet
    items: tuple[Item, ...]
    results: tuple[SuiteResult, ...]

    @property
    def name(self) -> str:
        """The set's name."""
        return self.rows.config.name

    def result(self, suite: str) -> SuiteResult | None:
        """What one suite found, if it was asked."""
        return next((one for one in self.results if one.suite == suite), None)

    def judged(self, result: SuiteResult) -> list[Judged]:
        """Each item with its outcome."""
        return list(zip(self.items, result.outcomes, strict=True))

    def measures(self, result: SuiteResult) -> dict[str, Measure]:
        """Every number of a suite on this set."""
        return {**rates_of(result.outcomes), **result.totals}


@dataclass(frozen=True)
class Findings:
    """A whole run. `run` is the record of the asking, `model` who answered, empty if nobody did."""

    config: EvaluateConfig
    sets: tuple[SetFindings, ...]
    model: Mapping[str, Any]
    run: Mapping[str, Any]
    machine: Mapping[str, Any]
    general: Benchmarks | None = None
    guard: GuardFindings | None = None


def rates_of(outcomes: Iterable[Outcome]) -> dict[str, Measure]:
    """The rate of each measure over the items for which it is decided."""
    decided: dict[str, list[bool]] = {}
    for outcome in outcomes:
        for name, holds in outcome.measures.items():
            if holds is not None:
                decided.setdefault(name, []).append(holds)
    return {name: Rate.of(values) for name, values in decided.items()}


def undecided_in(outcomes: Iterable[Outcome]) -> Counter[str]:
    """How many items each measure could not be decided for."""
    return Counter(
        name for one in outcomes for name, holds in one.measures.items() if holds is None
    )


def parts_of(judged: Sequence[Judged], part: Callable[[Item], str]) -> dict[str, list[Judged]]:
    """The items by what `part` says of them, the largest part first."""
    parts: dict[str, list[Judged]] = {}
    for one in judged:
        parts.setdefault(part(one[0]), []).append(one)
    return dict(sorted(parts.items(), key=lambda item: (-len(item[1]), item[0])))


def stratum_of(item: Item) -> str:
    """The item's stratum."""
    return item.stratum


def utility_of(item: Item) -> str:
    """The first program of the first reference."""
    for reference in item.references:
        for name in utilities_of(reference):
            return name
    return NO_UTILITY
