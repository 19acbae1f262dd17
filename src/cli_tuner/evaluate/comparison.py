"""Two evaluations side by side: the same items, so a paired test; what was fixed and what broke.

The p value is McNemar's exact one (1947, doi:10.1007/BF02295996): of the items on which the two
differ, how unlikely is a split at least this uneven if neither were better.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.artifacts.markdown import table
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.markdown import code, prose, shown
from cli_tuner.evaluate.rate import Rate
from cli_tuner.mcnemar import mcnemar_p

_LISTED = 30
_MAIN = ("exact_canonical", "equivalent", "passed")
"""Measures whose changed items are listed."""

_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Paired:
    """One measure on the items that both have decided. `fixed` and `broken` are items' ids."""

    set: str
    suite: str
    measure: str
    before: Rate
    after: Rate
    fixed: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def p(self) -> float:
        """McNemar's exact two-sided p."""
        return mcnemar_p(len(self.fixed), len(self.broken))

    def as_json(self) -> dict[str, Any]:
        """For comparison.json."""
        return {
            "set": self.set,
            "suite": self.suite,
            "measure": self.measure,
            "before": self.before.as_json(),
            "after": self.after.as_json(),
            "fixed": list(self.fixed),
            "broken": list(self.broken),
            "p": self.p,
        }


@dataclass(frozen=True)
class Comparison:
    """Everything that two evaluations have in common. `items` are both answers by (set, id)."""

    before: str
    after: str
    pairs: tuple[Paired, ...]
    items: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]]
    left_out: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For comparison.json."""
        return {
            "schema_version": "1",
            "before": self.before,
            "after": self.after,
            "pairs": [one.as_json() for one in self.pairs],
            "left_out": list(self.left_out),
        }


def compare(before: Path, after: Path) -> Comparison:
    """Pair the items of two evaluations' folders.

    Raises EvaluationError if a folder holds no evaluation, or if they share no set.
    """
    one, other = _Read.of(before), _Read.of(after)
    sets = [name for name, digest in one.sets.items() if other.sets.get(name) == digest]
    left_out = sorted((one.sets.keys() | other.sets.keys()) - set(sets))
    if not sets:
        raise EvaluationError(f"{before} and {after} have no set with the same rows in common")
    pairs = []
    for key in one.outcomes:
        if key[0] in sets and key in other.outcomes:
            pairs.append(_paired(key, one.outcomes[key], other.outcomes[key]))
    both = {
        place: (item, other.items[place])
        for place, item in one.items.items()
        if place in other.items
    }
    found = tuple(pair for pair in pairs if pair is not None)
    return Comparison(one.name, other.name, found, both, tuple(left_out))


@dataclass(frozen=True)
class _Read:
    """An evaluation's folder. `outcomes` maps (set, suite, measure) to id -> whether it holds."""

    name: str
    sets: dict[str, str]
    outcomes: dict[_Key, dict[str, bool]]
    items: dict[tuple[str, str], dict[str, Any]]

    @classmethod
    def of(cls, folder: Path) -> _Read:
        try:
            results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
            sets = {name: one["sha256"] for name, one in results["sets"].items()}
            outcomes: dict[_Key, dict[str, bool]] = {}
            for row in _rows(folder / "outcomes.jsonl"):
                for measure, holds in row["measures"].items():
                    if holds is not None:
                        key = (row["set"], row["suite"], measure)
                        outcomes.setdefault(key, {})[row["id"]] = holds
            items = {(row["set"], row["id"]): row for row in _rows(folder / "items.jsonl")}
            return cls(_named(results), sets, outcomes, items)
        except FileNotFoundError as error:
            raise EvaluationError(f"{folder} holds no evaluation: no {error.filename}") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise EvaluationError(f"{folder} is not readable: {error}") from error


def _named(results: dict[str, Any]) -> str:
    model = results["model"]
    adapter = f" + {model['adapter']}" if model["adapter"] else ""
    return f"{results['name']} ({model['name']}{adapter})"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _paired(key: _Key, before: dict[str, bool], after: dict[str, bool]) -> Paired | None:
    both = [name for name in before if name in after]
    if not both:
        return None
    return Paired(
        *key,
        before=Rate.of(before[name] for name in both),
        after=Rate.of(after[name] for name in both),
        fixed=tuple(name for name in both if after[name] and not before[name]),
        broken=tuple(name for name in both if before[name] and not after[name]),
    )


def written(found: Comparison) -> str:
    """The comparison as Markdown."""
    return "".join(f"{line}\n" for line in _markdown(found))


def _markdown(found: Comparison) -> Iterator[str]:
    yield from ("# Comparison", "")
    yield from (f"- before: {prose(found.before)}", f"- after: {prose(found.after)}", "")
    if found.left_out:
        yield from (f"Not compared, since their rows differ: {', '.join(found.left_out)}.", "")
    rows = [
        (one.set, one.suite, one.measure, one.before.n, shown(one.before), shown(one.after),
         f"{100 * (one.after.value - one.before.value):+.1f}",
         len(one.fixed), len(one.broken), f"{one.p:.2g}")
        for one in found.pairs
    ]  # fmt: skip
    head = ("set", "suite", "measure", "n", "before [95 %]", "after [95 %]", "points", "fixed",
            "broken", "McNemar p")  # fmt: skip
    yield from table(head, rows)
    yield "n: items that both have decided. p: exact, two-sided, for each measure by itself."
    yield ""
    for one in found.pairs:
        if one.measure in _MAIN:
            yield from _changed(found, one, "fixed", one.fixed)
            yield from _changed(found, one, "broken", one.broken)


def _changed(found: Comparison, pair: Paired, what: str, ids: tuple[str, ...]) -> Iterator[str]:
    if not ids:
        return
    more = f", the first {_LISTED}" if len(ids) > _LISTED else ""
    yield from (f"## {pair.set}, {pair.measure}: {what} ({len(ids)}{more})", "")
    for name in ids[:_LISTED]:
        before, after = found.items[pair.set, name]
        yield f"- {prose(before['query'])}"
        yield f"  - before: {code(before['command'] or before['raw'])}"
        yield f"  - after: {code(after['command'] or after['raw'])}"
        if before["references"]:
            yield f"  - reference: {code(before['references'][0])}"
    yield ""
