"""The general benchmarks of a run: a rate for each task, and how far it dropped below the base."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Progress
from cli_tuner.artifacts.provenance import package_versions
from cli_tuner.backends.protocol import Backend
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.config import General
from cli_tuner.evaluate.general.continuing import Continues, Remembering
from cli_tuner.evaluate.general.harness import NotRun, harness_model, load_task, run_task
from cli_tuner.evaluate.rate import Mean, Rate

FILE = "general.jsonl"
_OWN = "cli_tuner_"
_METRICS = ("exact_match", "pass@1", "acc")
_PREFERRED = ("flexible-extract", "number", "create_test", "none")
"""Filters of lm-eval, of which a task may have several; the first of these that it has."""


@dataclass(frozen=True)
class Benchmarks:
    """`rates` by task; `missing` says why a task has none; `base` has the base model's rates."""

    rates: Mapping[str, Rate] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    base: Mapping[str, Rate] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def drop_points(self) -> Mean | None:
        """The largest drop of a public task below the base, in points; what the gate reads.

        None without a base, and if a task of the configuration has no number: half of the
        benchmarks are not the benchmarks. Tasks of our own prove the wiring and are not counted.
        Its interval is that of a difference of two independent rates, Newcombe's (1998,
        doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I, method 10).
        """
        public = [name for name in self.rates if not name.startswith(_OWN)]
        if self.missing or not set(public) <= self.base.keys():
            return None
        drops = [_drop(self.base[name], self.rates[name]) for name in public]
        return max(drops, key=lambda one: one.value, default=None)

    def as_json(self) -> dict[str, Any]:
        """For results.json."""
        drop = self.drop_points
        return {
            "tasks": {name: rate.as_json() for name, rate in self.rates.items()},
            "missing": dict(self.missing),
            "base": {name: rate.as_json() for name, rate in self.base.items()},
            "drop_points": drop.as_json() if drop else None,
            "facts": dict(self.facts),
        }


def _drop(base: Rate, tuned: Rate) -> Mean:
    (base_low, base_high), (low, high) = base.interval, tuned.interval
    gap = base.value - tuned.value
    down = ((base.value - base_low) ** 2 + (high - tuned.value) ** 2) ** 0.5
    up = ((base_high - base.value) ** 2 + (tuned.value - low) ** 2) ** 0.5
    return Mean(100 * gap, 100 * (gap - down), 100 * (gap + up), min(base.n, tuned.n))


def run_benchmarks(
    config: General, backend: Backend, folder: Path, progress: Progress
) -> Benchmarks:
    """Run every task that can be run; the answers are kept in `folder`.

    Raises EvaluationError for a task that cannot be run by us, ExtraMissing without lm-eval.
    """
    if not isinstance(backend, Continues):
        raise EvaluationError("this backend does not continue texts, which benchmarks need")
    model = harness_model(Remembering(backend, folder / FILE), progress)
    rates: dict[str, Rate] = {}
    missing: dict[str, str] = {}
    for name in config.tasks:
        progress.step(f"benchmark {name}", config.limit)
        try:
            task = load_task(name, config.run_generated_code)
        except NotRun as error:
            missing[name] = str(error)
            progress.note(str(error), keep=True)
            continue
        found = run_task(task, model, config.limit, config.run_generated_code)
        rates[name] = rate_in(found["samples"][name], name)
    facts = {"packages": package_versions(("lm_eval", "datasets")), "limit": config.limit}
    return Benchmarks(rates, missing, _base_rates(config), facts)


def rate_in(samples: list[dict[str, Any]], name: str) -> Rate:
    """The share of a task's samples that are right."""
    filters = {str(one.get("filter", "none")) for one in samples}
    chosen = next((one for one in _PREFERRED if one in filters), min(filters))
    own = [one for one in samples if str(one.get("filter", "none")) == chosen]
    for metric in _METRICS:
        if all(metric in one for one in own):
            return Rate.of(float(one[metric]) == 1.0 for one in own)
    raise EvaluationError(f"{name} has none of the metrics {', '.join(_METRICS)}")


def _base_rates(config: General) -> dict[str, Rate]:
    """The rates of the results that the configuration names as the base's."""
    if config.base is None:
        return {}
    path = Path(config.base).expanduser()
    path = path / "results.json" if path.is_dir() else path
    try:
        general = json.loads(path.read_text(encoding="utf-8"))["general"]
        if general["facts"]["limit"] != config.limit:
            raise EvaluationError(f"{path} was measured with another limit")
        return {name: Rate(one["hits"], one["n"]) for name, one in general["tasks"].items()}
    except OSError as error:
        raise EvaluationError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{path} has no general benchmarks: {error}") from error
