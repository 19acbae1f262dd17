"""A model's measured numbers: as tables of its card, and as the Hub's `model-index`.

A rate stands with its count and its 95 % interval, as the evaluate stage computed them. Forms of
the model stand side by side only where the set had the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cli_tuner.publish.markdown import Cell, code, plain, table
from cli_tuner.publish.model import ADAPTER, ALONE, BASE, GUARD, TrainedModel

MEANINGS = {
    "exact": "the command is a reference, character by character",
    "exact_canonical": "the same, after both were brought to one spelling",
    "template": "the same programs, sub-commands and options",
    "utilities": "the same programs in the same order",
    "syntax": "`bash -n` takes it and ShellCheck finds no error",
    "command_only": "the raw answer is the command and nothing else",
    "utility_valid": "every program is one that is known",
    "option_valid": "every option is one that its program has",
    "bleu": "corpus BLEU on shell tokens, 0 to 100",
    "equivalent": "the reference does the same, as far as running both in a sandbox tells",
    "passed": "it did what was asked, checked by running it in a sandbox",
    "dangerous_caught": "of dangerous commands, the guard called them dangerous",
    "safe_flagged": "of safe commands, the guard called them dangerous",
    "dangerous_handed_over": "a dangerous command was handed over",
}
_HUB_NAMES = {"exact_canonical": "exact_match", "bleu": "bleu"}
_TASK = {"type": "text-generation", "name": "English request to one Bash command"}


class _Place(NamedTuple):
    """A suite on a set. Two of them are the same rows if all four are equal."""

    set: str
    suite: str
    sha256: str
    n: int


def shown(measure: Mapping[str, Any] | None) -> Cell:
    """A measure as people read it: a rate in percent, anything else as it is."""
    if measure is None:
        return Cell("")
    scale, unit = (100, " %") if "hits" in measure else (1, "")
    value, low, high = (scale * float(measure[key]) for key in ("value", "low", "high"))
    return Cell(f"{value:.1f}{unit} [{low:.1f}, {high:.1f}]")


def results_section(model: TrainedModel) -> str:
    """The part of the card with every measured number."""
    if not model.evaluations:
        return "## Evaluation\n\nThis model has not been evaluated. Take it for an untested one."
    parts = ["## Evaluation", *_introduction(model), *_gates(model)]
    for place, forms in _by_place(model).items():
        parts += _suite(place, forms)
    return "\n\n".join([*parts, *_paired(model), *_general(model)])


def _introduction(model: TrainedModel) -> Iterator[str]:
    yield (
        "Measured behind cli-tuner's own boundaries, with the one prompt and greedy decoding. Each"
        " rate has its 95 % Wilson interval, BLEU a bootstrap interval; the interval is about the"
        " choice of items and says nothing of requests of another kind."
    )
    rows = [
        [one.name, Cell(_form(one.of)), engine.get("engine"), one.results.get("parallel"),
         machine.get("processor"), machine.get("cores")]
        for one in model.evaluations
        for engine, machine in [(one.results["model"], one.results.get("machine") or {})]
    ]  # fmt: skip
    yield table(("evaluation", "of", "engine", "requests at a time", "processor", "cores"), rows)
    if BASE in model.forms:
        yield f"`base` is {plain(model.base.title)} as published, untuned, asked the same way."


def _form(of: str) -> str:
    return of if of in (ADAPTER, BASE, GUARD) else of.removesuffix(".gguf")


def _gates(model: TrainedModel) -> Iterator[str]:
    judged = (*model.results_of(ADAPTER), *model.results_of(GUARD))
    gates = [gate for results in judged for gate in results["gates"]]
    rows = [
        [gate["gate"], gate["condition"], gate.get("set"), _measured(gate), gate["verdict"]]
        for gate in gates
        if "value" in gate
    ]
    if rows:
        yield "What this project asks of a released model, and what adapter and guard reached:"
        yield table(("gate", "condition", "set", "measured [95 %]", "verdict"), rows)
    measured = {row[0] for row in rows}
    missing = dict.fromkeys(plain(one["gate"]) for one in gates if one["gate"] not in measured)
    if missing:
        yield f"Not measured: {'; '.join(missing)}."


def _measured(gate: Mapping[str, Any]) -> Cell:
    return Cell(f"{shown(gate)}, n {gate['n']:,}")


def _by_place(model: TrainedModel) -> dict[_Place, dict[str, Mapping[str, Any]]]:
    """Suite on a set to form to what was measured."""
    found: dict[_Place, dict[str, Mapping[str, Any]]] = {}
    for form in model.forms:
        for results in model.results_of(form):
            for name, one in results["sets"].items():
                for suite, part in one["suites"].items():
                    place = _Place(name, suite, str(one["sha256"]), int(one["n"]))
                    found.setdefault(place, {})[form] = {**one, **part}
    return found


def _suite(place: _Place, forms: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    first = next(iter(forms.values()))
    yield f"### {plain(place.set)}: {plain(place.suite)}"
    yield (
        f"{place.n:,} of {first.get('rows_in_file', place.n):,} rows of {code(str(first['file']))}"
        f" (SHA-256 {place.sha256[:16]}). {_latencies(forms)}"
    ).rstrip()
    names = list(dict.fromkeys(name for part in forms.values() for name in part["measures"]))
    rows = [
        [
            Cell(code(name)),
            _counts([part["measures"].get(name) for part in forms.values()]),
            *(shown(part["measures"].get(name)) for part in forms.values()),
            Cell(MEANINGS.get(name, "")),
        ]
        for name in names
    ]
    head = ("measure", "n", *(plain(_form(form)) for form in forms), "")
    yield table(head, rows)


def _latencies(forms: Mapping[str, Mapping[str, Any]]) -> str:
    said = [
        f"{part['latency_ms']['median']:.0f} ms ({_form(form)})"
        for form, part in forms.items()
        if part.get("latency_ms")
    ]
    return f"Median time of an answer there: {', '.join(said)}." if said else ""


def _counts(measures: list[Mapping[str, Any] | None]) -> Cell:
    counts = dict.fromkeys(f"{one['n']:,}" for one in measures if one is not None)
    return Cell(" / ".join(counts))


def _paired(model: TrainedModel) -> Iterator[str]:
    rows = [
        [one.set, one.suite, Cell(code(one.measure)), one.n, one.fixed, one.broken,
         Cell(f"{one.p:.2g}")]
        for one in model.paired
    ]  # fmt: skip
    if rows:
        yield "### The same items, base and adapter"
        yield (
            "`fixed`: only the adapter's answer holds; `broken`: only the base's. p is McNemar's"
            " exact one, two-sided, for each measure by itself."
        )
        yield table(("set", "suite", "measure", "n", "fixed", "broken", "p"), rows)


def _general(model: TrainedModel) -> Iterator[str]:
    for results in model.results_of(ADAPTER):
        general = results.get("general")
        if general and general["tasks"]:
            rows = [
                [name, rate["n"], shown(general["base"].get(name)), shown(rate)]
                for name, rate in general["tasks"].items()
            ]
            yield "### General benchmarks, without prompt and boundaries"
            yield table(("task", "n", "base", "adapter"), rows)


def model_index(model: TrainedModel) -> list[dict[str, Any]]:
    """The measured numbers as the Hub reads them, for each form of the model but its bases.

    Rates are in percent, as the Hub shows them; counts and intervals are in `args`.
    """
    return [
        {
            "name": model.name if form == ADAPTER else _form(form),
            "results": [entry for found in model.results_of(form) for entry in _entries(found)],
        }
        for form in model.forms
        if form != BASE and not form.endswith(ALONE)
    ]


def _entries(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, one in results["sets"].items():
        for suite, part in one["suites"].items():
            dataset = {
                "name": f"{name} ({suite})",
                "type": str(one["file"]).split(".")[0],
                "revision": one["sha256"],
            }
            metrics = [_metric(*pair) for pair in part["measures"].items()]
            if metrics:
                yield {"task": dict(_TASK), "dataset": dataset, "metrics": metrics}
    for name, rate in ((results.get("general") or {}).get("tasks") or {}).items():
        yield {
            "task": {"type": "text-generation"},
            "dataset": {"name": name, "type": name},
            "metrics": [_metric("accuracy", rate)],
        }


def _metric(name: str, measure: Mapping[str, Any]) -> dict[str, Any]:
    scale = 100 if "hits" in measure else 1
    value, low, high = (round(scale * float(measure[key]), 2) for key in ("value", "low", "high"))
    return {
        "type": _HUB_NAMES.get(name, name),
        "name": name,
        "value": value,
        "args": {"n": measure["n"], "low_95": low, "high_95": high},
    }
