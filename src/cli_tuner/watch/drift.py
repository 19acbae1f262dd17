"""Whether the requests, the answers or their quality have changed enough to act.

Compared are a period and the reference before it:

    quality        an evaluation on a held-out set; the share of answers with a command
    population     levels and ends of answers (PSI); confidences and lengths of requests (KS, PSI)
    new patterns   what share of the answers people reported as wrong or unsafe
    schedule       how long ago the model was trained

Quality that fell by more than 5 points is looked at, by more than 10 is trained for. PSI is the
population stability index, sum (q - p) ln(q / p) over bins; 0.1 and 0.25 are its customary bounds
(Siddiqi, Credit Risk Scorecards, 2006). KS is the two-sample test of Kolmogorov and Smirnov. With
fewer than 100 answers on either side nothing is said: small weeks differ by chance.

Queries themselves are not kept, so they are compared by their length in tokens and by how often
they address the model, no further.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from cli_tuner.watch.evaluation import Compared
from cli_tuner.watch.numbers import Numbers, Rate

FEWEST = 100
ALERT_POINTS, RETRAIN_POINTS = 0.05, 0.10
ALERT_PSI, RETRAIN_PSI = 0.1, 0.25
NEW_PATTERNS = 0.05
QUARTER_DAYS = 92
_CHANCE = 0.01
_BINS = 10


class Sign(IntEnum):
    """What a finding asks for; the numbers only order them."""

    NONE = 0
    ALERT = 1
    RETRAIN = 2


@dataclass(frozen=True)
class Finding:
    """One comparison: what it says, and what that asks for."""

    name: str
    sign: Sign
    said: str


@dataclass(frozen=True)
class Quality:
    """What is known besides the journal: evaluations, and the day of the training."""

    evaluations: tuple[Compared, ...] = ()
    trained: date | None = None


def findings(now: Numbers, before: Numbers, quality: Quality) -> tuple[Finding, ...]:
    """Every comparison that can be made, drift or none."""
    found = [*_scheduled(now, quality), *_evaluated(quality)]
    if min(now.requests, before.requests) < FEWEST:
        said = f"{now.requests} answers now, {before.requests} before; {FEWEST} are needed"
        return (*found, Finding("population", Sign.NONE, said))
    return (
        *found,
        _passed(now, before),
        _shares("levels", now.levels, before.levels),
        _shares("refusals", _ends(now), _ends(before)),
        _values("confidence", now.confidences, before.confidences),
        _values("query length", now.prompt_tokens, before.prompt_tokens),
        _addressed(now, before),
        _reported(now),
    )


def worst(found: Sequence[Finding]) -> Sign:
    """What all of them together ask for."""
    return max((finding.sign for finding in found), default=Sign.NONE)


def psi(now: Sequence[float], before: Sequence[float]) -> float:
    """The population stability index of two histograms over the same bins.

    Half an observation is added to each bin, so that an empty one is no infinity.
    """
    total_now, total_before = sum(now) + len(now) / 2, sum(before) + len(before) / 2
    value = 0.0
    for one, other in zip(now, before, strict=True):
        q, p = (one + 0.5) / total_now, (other + 0.5) / total_before
        value += (q - p) * math.log(q / p)
    return value


def ks(now: Sequence[float], before: Sequence[float]) -> tuple[float, float]:
    """The largest distance of two empirical distributions, and how probable it is by chance.

    The probability is Kolmogorov's limit with Stephens' correction (Numerical Recipes, 14.3).
    """
    first, second = sorted(now), sorted(before)
    distance = max(
        abs(
            bisect.bisect_right(first, value) / len(first)
            - bisect.bisect_right(second, value) / len(second)
        )
        for value in {*first, *second}
    )
    size = math.sqrt(len(first) * len(second) / (len(first) + len(second)))
    return distance, _kolmogorov((size + 0.12 + 0.11 / size) * distance)


def _kolmogorov(scaled: float) -> float:
    if scaled < 0.2:
        return 1.0  # the series converges slowly there, and is 1 to twelve digits
    terms = ((1 if k % 2 else -1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * sum(terms)))


def _points(name: str, fell: float, said: str) -> Finding:
    if fell > RETRAIN_POINTS:
        return Finding(name, Sign.RETRAIN, said)
    return Finding(name, Sign.ALERT if fell > ALERT_POINTS else Sign.NONE, said)


def _evaluated(quality: Quality) -> list[Finding]:
    return [
        _points(
            f"evaluation on {one.name}",
            one.baseline - one.score,
            f"right: {one.score:.1%}, was {one.baseline:.1%}",
        )
        for one in quality.evaluations
    ]


def _scheduled(now: Numbers, quality: Quality) -> list[Finding]:
    if quality.trained is None:
        return []
    days = (now.until.date() - quality.trained).days
    sign = Sign.RETRAIN if days > QUARTER_DAYS else Sign.NONE
    return [Finding("schedule", sign, f"trained {days} days ago; due after {QUARTER_DAYS}")]


def _passed(now: Numbers, before: Numbers) -> Finding:
    said = f"with a command: {now.passed}; was {before.passed}"
    return _fell("pass rate", now.passed, before.passed, said)


def _fell(name: str, now: Rate, before: Rate, said: str) -> Finding:
    """A rate that fell by points; only if the intervals do not overlap, so not by chance."""
    if not (now.interval and before.interval) or now.interval[1] >= before.interval[0]:
        return Finding(name, Sign.NONE, said)
    return _points(name, (before.share or 0.0) - (now.share or 0.0), said)


def _ends(one: Numbers) -> Mapping[str, int]:
    return {"command": one.passed.count, **one.refusals}


def _shares(name: str, now: Mapping[str, int], before: Mapping[str, int]) -> Finding:
    keys = sorted(set(now) | set(before))
    value = psi([now.get(key, 0) for key in keys], [before.get(key, 0) for key in keys])
    return Finding(name, _sign_of(value), f"PSI {value:.3f}")


def _values(name: str, now: Sequence[float], before: Sequence[float]) -> Finding:
    if min(len(now), len(before)) < FEWEST:
        return Finding(name, Sign.NONE, f"{len(now)} values now, {len(before)} before")
    edges = sorted({sorted(before)[len(before) * at // _BINS] for at in range(1, _BINS)})
    value = psi(_histogram(now, edges), _histogram(before, edges))
    distance, chance = ks(now, before)
    said = f"PSI {value:.3f}, KS {distance:.3f} (p {chance:.2g})"
    return Finding(name, _sign_of(value) if chance < _CHANCE else Sign.NONE, said)


def _histogram(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect.bisect_right(edges, value)] += 1
    return counts


def _sign_of(value: float) -> Sign:
    if value > RETRAIN_PSI:
        return Sign.RETRAIN
    return Sign.ALERT if value > ALERT_PSI else Sign.NONE


def _addressed(now: Numbers, before: Numbers) -> Finding:
    """More queries that address the model: somebody is trying."""
    rate, was = Rate(now.signals, now.requests), Rate(before.signals, before.requests)
    rose = bool(rate.interval and was.interval and rate.interval[0] > was.interval[1])
    return Finding("injection", Sign.ALERT if rose else Sign.NONE, f"{rate}; was {was}")


def _reported(now: Numbers) -> Finding:
    count = now.feedback["wrong"] + now.feedback["unsafe"]
    rate = Rate(min(count, now.requests), now.requests)
    above = (rate.share or 0.0) > NEW_PATTERNS
    return Finding("reports", Sign.RETRAIN if above else Sign.NONE, f"wrong or unsafe: {rate}")
