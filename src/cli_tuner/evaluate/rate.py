"""A rate is never without its count and its 95 % interval."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cli_tuner.errors import EvaluationError
from cli_tuner.wilson import wilson

T = TypeVar("T")


@dataclass(frozen=True)
class Rate:
    """So many of so many. `value`, `low` and `high` are shares, 0 to 1."""

    hits: int
    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise EvaluationError("a rate over nothing is not a number")
        if not 0 <= self.hits <= self.n:
            raise EvaluationError(f"{self.hits} of {self.n} is no rate")

    @classmethod
    def of(cls, passed: Iterable[bool]) -> Rate:
        """The share of what is true. Raises EvaluationError for nothing."""
        kept = list(passed)
        return cls(sum(kept), len(kept))

    @property
    def value(self) -> float:
        """The share itself."""
        return self.hits / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval (1927, doi:10.2307/2276774), 95 %."""
        low, high = wilson(self.hits, self.n)
        return 0.0 if self.hits == 0 else low, 1.0 if self.hits == self.n else high

    def as_json(self) -> dict[str, Any]:
        """For results.json."""
        low, high = self.interval
        return {
            "hits": self.hits,
            "n": self.n,
            "value": round(self.value, 6),
            "low": round(low, 6),
            "high": round(high, 6),
        }


@dataclass(frozen=True)
class Mean:
    """A number that is no share of items, such as BLEU, with its bootstrap interval."""

    value: float
    low: float
    high: float
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval."""
        return self.low, self.high

    def as_json(self) -> dict[str, Any]:
        """For results.json."""
        return {
            "n": self.n,
            "value": round(self.value, 6),
            "low": round(self.low, 6),
            "high": round(self.high, 6),
        }


Measure = Rate | Mean


def bootstrapped(
    items: Sequence[T], statistic: Callable[[Sequence[T]], float], *, draws: int = 1000
) -> Mean:
    """A statistic of the items and the 2.5 and 97.5 percentiles over seeded resamples.

    Efron's percentile bootstrap (1979, doi:10.1214/aos/1176344552). Raises EvaluationError for
    nothing.
    """
    if not items:
        raise EvaluationError("a mean over nothing is not a number")
    chance = random.Random(0)  # noqa: S311
    found = sorted(statistic(chance.choices(items, k=len(items))) for _ in range(draws))
    low, high = found[int(0.025 * (draws - 1))], found[math.ceil(0.975 * (draws - 1))]
    return Mean(statistic(items), low, high, len(items))
