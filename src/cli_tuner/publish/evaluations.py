"""What the evaluate stage measured of a model, opened for its card.

An evaluation counts only if the digests in it are those of a form of the model: the adapter on its
base or on one derived from it, such a base alone for comparison, or a merged file. One that asked
no model at all measured the guard, which judges every answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cli_tuner.errors import NotPublishable, UsageError
from cli_tuner.prompt import TEMPLATE_SHA256
from cli_tuner.publish.dataset import NAME, whole_artifact
from cli_tuner.publish.model import ADAPTER, BASE, GUARD, Evaluation, Paired, TrainedModel

_SET = ("n", "rows_in_file", "file", "sha256", "latency_ms")
_SUITE = ("measures", "by_stratum", "undecided")
_Outcomes = dict[tuple[str, str, str], dict[str, bool]]


def with_evaluations(model: TrainedModel, folders: Iterable[Path]) -> TrainedModel:
    """The model with what was measured of it, and base and adapter paired on equal rows.

    Raises UsageError if a folder is not there, NotPublishable if it is not whole, or measured
    something else.
    """
    read = [(folder, _read(folder, model)) for folder in folders]
    names = [one.name for _, one in read]
    if len(set(names)) != len(names):
        raise NotPublishable("two evaluations have the same name", hint="give each its own name")
    return replace(
        model,
        evaluations=tuple(one for _, one in read),
        paired=tuple(_pairs(read)),
    )


def _read(folder: Path, model: TrainedModel) -> Evaluation:
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="make it: cli-tuner run evaluate")
    whole_artifact(folder, "evaluate")
    try:
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        of = _subject(results["model"], model) if results["model"] else GUARD
        template = results["run"]["identity"].get("template_sha256")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotPublishable(f"{folder} holds no results that can be read: {error}") from error
    if not NAME.fullmatch(str(results.get("name"))):
        raise NotPublishable(f"{folder} has results without a proper name")
    if of is None:
        raise NotPublishable(f"{folder} is an evaluation of another model")
    if of != GUARD and template != TEMPLATE_SHA256:
        raise NotPublishable(f"{folder} was measured with another prompt", hint="evaluate again")
    return Evaluation(of, _essence(results))


def _subject(measured: Mapping[str, Any], model: TrainedModel) -> str | None:
    pair = measured["sha256"], measured["adapter_sha256"]
    return next((form for form, digests in model.digests.items() if digests == pair), None)


def _essence(results: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a results.json that a card shows."""
    sets = {
        name: {
            **{key: one[key] for key in _SET if key in one},
            "suites": {
                suite: {key: part[key] for key in _SUITE if key in part}
                for suite, part in one["suites"].items()
            },
        }
        for name, one in results["sets"].items()
    }
    kept = {key: results.get(key) for key in ("name", "description", "gates", "general", "machine")}
    named = {key: results["model"].get(key) for key in ("name", "adapter", "engine", "backend")}
    sittings = results["run"].get("sittings") or []
    parallel = sorted({int(one["parallel"]) for one in sittings if "parallel" in one})
    return {**kept, "model": named, "sets": sets, "parallel": parallel}


def _pairs(read: Iterable[tuple[Path, Evaluation]]) -> Iterator[Paired]:
    """Base and adapter on every set with the same rows."""
    found = list(read)
    for before, one in found:
        for after, other in found:
            if (one.of, other.of) == (BASE, ADAPTER):
                sets = _equal_sets(one.results["sets"], other.results["sets"])
                yield from _paired(_outcomes(before), _outcomes(after), sets)


def _equal_sets(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    return {name for name in one if name in other and one[name]["sha256"] == other[name]["sha256"]}


def _paired(before: _Outcomes, after: _Outcomes, sets: set[str]) -> Iterator[Paired]:
    for key, held in before.items():
        both = [name for name in held if name in after.get(key, {})] if key[0] in sets else []
        if both:
            pairs = [(held[name], after[key][name]) for name in both]
            yield Paired(
                *key,
                n=len(both),
                fixed=sum(now and not once for once, now in pairs),
                broken=sum(once and not now for once, now in pairs),
            )


def _outcomes(folder: Path) -> _Outcomes:
    """What each suite said of each item: (set, suite, measure) to id to whether it holds."""
    found: _Outcomes = {}
    with (folder / "outcomes.jsonl").open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            for measure, holds in row["measures"].items():
                if holds is not None:
                    key = (row["set"], row["suite"], measure)
                    found.setdefault(key, {})[row["id"]] = holds
    return found
