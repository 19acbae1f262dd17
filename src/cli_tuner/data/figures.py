"""What is counted on the way: how much came in, what it looked like, where it left, what stayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from cli_tuner.data.config import Expected
from cli_tuner.data.pair import Dropped, Pair, Skipped
from cli_tuner.data.split import SPLITS

STEPS = (
    "source", "checks", "exact duplicates", "syntax", "guard", "tokens", "near duplicates",
    "held out", "split",
)  # fmt: skip
"""Where a row may leave, in order."""


class Figures:
    """Running counts; nothing here grows with the number of rows except through their lengths."""

    def __init__(self) -> None:
        self.rows_in = 0
        self.in_by_source: Counter[str] = Counter()
        self.dropped: dict[str, Counter[str]] = {step: Counter() for step in STEPS}
        self.raw_lengths: dict[str, Counter[int]] = {
            "request characters": Counter(),
            "request words": Counter(),
            "command characters": Counter(),
        }
        self.utilities: Counter[str] = Counter()
        self.levels: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.tokens: dict[str, Counter[int]] = {"prompt": Counter(), "answer": Counter()}
        self.licenses: dict[str, Counter[str]] = {}
        self.sources: dict[str, Counter[str]] = {}
        self.rows_out: Counter[str] = Counter()
        self.held_out: dict[str, Counter[str]] = {}

    def came_in(self, row: Pair | Skipped) -> None:
        """A row of a source."""
        self.rows_in += 1
        self.in_by_source[row.source] += 1
        if isinstance(row, Pair):
            self.raw_lengths["request characters"][len(row.query)] += 1
            self.raw_lengths["request words"][len(row.query.split())] += 1
            self.raw_lengths["command characters"][len(row.command)] += 1

    def left(self, dropped: Dropped) -> None:
        """A row that left."""
        self.dropped[dropped.step][_kind_of(dropped.step, dropped.reason)] += 1

    def stayed(self, split: str, row: Mapping[str, Any]) -> None:
        """A row that was written."""
        self.rows_out[split] += 1
        self.tokens["prompt"][row["tokens"]["prompt"]] += 1
        self.tokens["answer"][row["tokens"]["answer"]] += 1
        self.licenses.setdefault(split, Counter())[row["license"]] += 1
        self.sources.setdefault(split, Counter())[row["source"]] += 1

    def balance(self) -> tuple[int, int]:
        """(rows that came in, rows that were written or left). The two are equal."""
        fixed = sum(counts["kept"] for counts in self.held_out.values())
        left = sum(sum(reasons.values()) for reasons in self.dropped.values())
        return self.rows_in, sum(self.rows_out.values()) - fixed + left

    def funnel(self) -> list[tuple[str, int, int]]:
        """(step, rows that leave at it, rows after it)."""
        rows, found = self.rows_in, []
        for step in STEPS:
            lost = sum(self.dropped[step].values())
            rows -= lost
            found.append((step, lost, rows))
        return found

    def warnings(self, expected: Expected) -> list[str]:
        """What a person should know about the amounts."""
        found = []
        if self.rows_in > expected.at_most:
            found.append(
                f"{self.rows_in} rows, more than the {expected.at_most} that were expected"
            )
        found += [
            f"{split} is empty, because no group of rows is small enough for it"
            for split in SPLITS
            if not self.rows_out[split]
        ]
        return found

    def as_json(self) -> dict[str, Any]:
        """Everything, for report.json."""
        return {
            "rows_in": self.rows_in,
            "rows_in_by_source": dict(self.in_by_source.most_common()),
            "steps": [
                {
                    "step": step,
                    "dropped": lost,
                    "left": rows,
                    "reasons": dict(sorted(self.dropped[step].items(), key=_most_first)),
                }
                for step, lost, rows in self.funnel()
            ],
            "rows_out": dict(self.rows_out),
            "held_out_elsewhere": {name: dict(counts) for name, counts in self.held_out.items()},
            "raw_lengths": {name: quantiles(counts) for name, counts in self.raw_lengths.items()},
            "tokens": {name: quantiles(counts) for name, counts in self.tokens.items()},
            "utilities": {
                "different": len(self.utilities),
                "most_frequent": dict(sorted(self.utilities.items(), key=_most_first)[:60]),
            },
            "guard": {
                "levels": dict(sorted(self.levels.items())),
                "rules": dict(sorted(self.rules.items(), key=_most_first)),
            },
            "licenses": {name: dict(sorted(c.items())) for name, c in self.licenses.items()},
            "sources": {name: dict(sorted(c.items())) for name, c in self.sources.items()},
        }


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _kind_of(step: str, reason: str) -> str:
    """The reason without what differs from row to row."""
    if step == "syntax":
        tool, _, said = reason.partition(" ")
        return f"shellcheck {said.partition(':')[0]}" if tool == "shellcheck" else "bash -n"
    return reason


def quantiles(counts: Mapping[int, int]) -> dict[str, float]:
    """Count, mean, smallest, quartiles, 95th and 99th percentile and largest of a distribution."""
    total = sum(counts.values())
    if not total:
        return {"count": 0}
    points = {"min": 0.0, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
    found: dict[str, float] = {
        "count": total,
        "mean": round(sum(value * count for value, count in counts.items()) / total, 2),
    }
    for name, share in points.items():
        found[name] = quantile(counts, share)
    return {**found, "max": max(counts)}


def quantile(counts: Mapping[int, int], share: float) -> int:
    """The smallest value that more than this share of the rows do not exceed; 0 of nothing."""
    total, seen = sum(counts.values()), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen > share * total:
            return value
    return max(counts, default=0)


def shares(counts: Iterable[Mapping[str, int]]) -> dict[str, float]:
    """The share of each key over several counts, rounded to a hundredth of a percent."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    rows = sum(total.values())
    return {name: round(count / rows, 4) for name, count in sorted(total.items())} if rows else {}
