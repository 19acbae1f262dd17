"""Is the model's confidence worth anything: how often answers of each confidence are right.

Confidence is what the product shows: the geometric mean of the tokens' probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cli_tuner.evaluate.findings import Judged
from cli_tuner.evaluate.rate import Rate
from cli_tuner.records import confidence_of

_BINS = 10


@dataclass(frozen=True)
class Bin:
    """Answers whose confidence is in [low, high)."""

    low: float
    high: float
    mean_confidence: float
    right: Rate

    def as_json(self) -> dict[str, Any]:
        """For results.json."""
        mean = round(self.mean_confidence, 4)
        span = {"low": self.low, "high": self.high, "mean_confidence": mean}
        return {**span, "right": self.right.as_json()}


def calibration_of(judged: Sequence[Judged], measure: str) -> list[Bin]:
    """Bins of a tenth each; those without answers are left out."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for item, outcome in judged:
        confidence = confidence_of(item.mean_logprob)
        right = outcome.measures.get(measure)
        if confidence is not None and right is not None:
            bins.setdefault(min(_BINS - 1, int(confidence * _BINS)), []).append((confidence, right))
    return [
        Bin(
            low=place / _BINS,
            high=(place + 1) / _BINS,
            mean_confidence=sum(confidence for confidence, _ in values) / len(values),
            right=Rate.of(right for _, right in values),
        )
        for place, values in sorted(bins.items())
    ]


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Expected calibration error (Naeini et al. 2015): the mean gap, weighted by answers."""
    total = sum(one.right.n for one in bins)
    if not total:
        return None
    gaps = (one.right.n * abs(one.mean_confidence - one.right.value) for one in bins)
    return sum(gaps) / total
