"""What the tables are made of: several evaluations, and for each tuned model its base."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.comparison import Paired, compare
from cli_tuner.evaluate.rate import Mean, Measure, Rate

RESULTS = "results.json"


@dataclass(frozen=True)
class Evaluation:
    """One evaluation's results.json. `base` is what a tuned model is compared with."""

    folder: Path
    results: Mapping[str, Any]
    base: Evaluation | None = None

    @property
    def name(self) -> str:
        """As the configuration calls it."""
        return str(self.results["name"])

    @property
    def model(self) -> Mapping[str, Any]:
        """Who answered; empty if only the guard was measured."""
        model: Mapping[str, Any] = self.results["model"]
        return model

    @property
    def sets(self) -> Mapping[str, Mapping[str, Any]]:
        """The sets by name, as results.json has them."""
        sets: Mapping[str, Mapping[str, Any]] = self.results["sets"]
        return sets

    def suites(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """What each suite says of one set; empty for a set that was not asked."""
        return self.sets[name]["suites"] if name in self.sets else {}

    def measure(self, name: str, suite: str, measure: str) -> Measure | None:
        """One number of a set, if it was measured."""
        found = self.suites(name).get(suite, {"measures": {}})["measures"].get(measure)
        return measure_of(found) if found else None

    @cached_property
    def paired(self) -> Mapping[tuple[str, str, str], Paired]:
        """By set, suite and measure: the comparison with the base. Empty without one."""
        if self.base is None or not self.base.sets.keys() & self.sets.keys():
            return {}
        pairs = compare(self.base.folder, self.folder).pairs
        return {(one.set, one.suite, one.measure): one for one in pairs}


def measure_of(found: Mapping[str, Any]) -> Measure:
    """A number of results.json as what it was."""
    if "hits" in found:
        return Rate(found["hits"], found["n"])
    return Mean(found["value"], found["low"], found["high"], found["n"])


def read_all(folders: Sequence[Path]) -> tuple[Evaluation, ...]:
    """The evaluations in the order given, each tuned one with its base if that is among them.

    Raises EvaluationError for a folder without results.
    """
    read = [Evaluation(folder, _results(folder)) for folder in folders]
    names = [one.name for one in read]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise EvaluationError(f'two evaluations have the name "{twice}"')
    return tuple(Evaluation(one.folder, one.results, _base_of(one, read)) for one in read)


def _results(folder: Path) -> Mapping[str, Any]:
    path = folder / RESULTS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EvaluationError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise EvaluationError(f"{path} is not JSON: {error}") from None
    wanted = {"name", "model", "gates", "sets", "run", "machine"}
    if not isinstance(found, dict) or not wanted <= found.keys():
        raise EvaluationError(f"{path} holds no evaluation")
    return found


def _base_of(one: Evaluation, among: Iterable[Evaluation]) -> Evaluation | None:
    """The same weights without an adapter."""
    if not one.model.get("adapter"):
        return None
    same = (
        other
        for other in among
        if other.model.get("sha256") == one.model["sha256"] and not other.model["adapter"]
    )
    return next(same, None)


def set_names(some: Sequence[Evaluation]) -> Iterator[str]:
    """Every set once, in the order in which they come."""
    yield from dict.fromkeys(name for one in some for name in one.sets)


def columns_of(some: Sequence[Evaluation], name: str) -> list[tuple[str, str]]:
    """Suite and measure of every number that somebody has on a set."""
    return list(
        dict.fromkeys(
            (suite, measure)
            for one in some
            for suite, found in one.suites(name).items()
            for measure in found["measures"]
        )
    )
