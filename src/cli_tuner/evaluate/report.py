"""results.json for programs and results.md for people, like the appendix of a good paper."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from cli_tuner.artifacts.markdown import table
from cli_tuner.evaluate.calibration import calibration_error, calibration_of
from cli_tuner.evaluate.domain.mistakes import nearest
from cli_tuner.evaluate.examples import examples_of
from cli_tuner.evaluate.findings import (
    Findings,
    Judged,
    SetFindings,
    parts_of,
    rates_of,
    stratum_of,
    undecided_in,
    utility_of,
)
from cli_tuner.evaluate.gates import gates_of
from cli_tuner.evaluate.guard_report import guard_section
from cli_tuner.evaluate.markdown import code, prose, shown
from cli_tuner.evaluate.plots import RIGHT, draw
from cli_tuner.evaluate.rate import Measure
from cli_tuner.evaluate.suite import SuiteResult

SCHEMA_VERSION = "1"
RESULTS, REPORT = "results.json", "results.md"
_UTILITIES_SHOWN = 20
_OF_UTILITIES = ("exact_canonical", "template", "syntax")
_OVERALL = (
    "A rate is given with its 95 % Wilson interval, BLEU with its bootstrap interval. The interval "
    "is about the choice of items: it says nothing of requests of another kind.",
    "The sets are what they are. A set whose templates are in no training row is harder than "
    "everyday use; a set from the generator that also made the training data is easier.",
    "Greedy decoding on one engine: another engine, quantization or batch may answer a near tie "
    "otherwise.",
)


def write_report(folder: Path, findings: Findings) -> None:
    """Write results.json, results.md and the plots."""
    pictures = {one.name: draw(one, folder / "plots") for one in findings.sets}
    text = json.dumps(as_json(findings), indent=2, ensure_ascii=False)
    (folder / RESULTS).write_text(f"{text}\n", encoding="utf-8")
    lines = "".join(f"{line}\n" for line in _markdown(findings, pictures))
    (folder / REPORT).write_text(lines, encoding="utf-8")


# --- results.json


def as_json(findings: Findings) -> dict[str, Any]:
    """Every number of the report."""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": findings.config.name,
        "description": findings.config.description,
        "model": dict(findings.model),
        "gates": [one.as_json() for one in gates_of(findings)],
        "sets": {one.name: _set_json(one) for one in findings.sets},
        "general": findings.general.as_json() if findings.general else None,
        "guard": findings.guard.as_json() if findings.guard else None,
        "run": dict(findings.run),
        "machine": dict(findings.machine),
    }


def _set_json(found: SetFindings) -> dict[str, Any]:
    return {
        "n": len(found.items),
        "rows_in_file": found.rows.rows_in_file,
        "file": Path(found.rows.config.path).name,
        "sha256": found.rows.sha256,
        "latency_ms": _latency(found),
        "refusals": dict(Counter(str(item.refusal) for item in found.items if item.refusal)),
        "levels": dict(Counter(str(item.level) for item in found.items)),
        "suites": {one.suite: _suite_json(found, one) for one in found.results},
    }


def _suite_json(found: SetFindings, result: SuiteResult) -> dict[str, Any]:
    judged = found.judged(result)
    strata = {name: _rates(part) for name, part in parts_of(judged, stratum_of).items()}
    for name, totals in result.totals_by_stratum.items():
        strata.setdefault(name, {}).update(_plain(totals))
    bins = calibration_of(judged, RIGHT)
    return {
        "measures": _plain(found.measures(result)),
        "undecided": dict(undecided_in(result.outcomes)),
        "labels": dict(Counter(one.label for one in result.outcomes if one.label)),
        "by_stratum": strata,
        "by_utility": {name: _rates(part) for name, part in parts_of(judged, utility_of).items()},
        "calibration": {
            "error": calibration_error(bins),
            "bins": [one.as_json() for one in bins],
        },
        "facts": dict(result.facts),
        "notes": list(result.notes),
    }


def _rates(judged: Sequence[Judged]) -> dict[str, Any]:
    return _plain(rates_of(outcome for _, outcome in judged))


def _plain(measures: Mapping[str, Measure]) -> dict[str, Any]:
    return {name: one.as_json() for name, one in measures.items()}


def _latency(found: SetFindings) -> dict[str, float]:
    times = sorted(item.ms for item in found.items)
    return {"median": round(median(times), 1), "p95": times[int(0.95 * (len(times) - 1))]}


# --- results.md


def _markdown(findings: Findings, pictures: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield from (f"# Evaluation {findings.config.name}", "")
    if findings.config.description:
        yield from (findings.config.description.strip(), "")
    yield from _model(findings)
    yield from _gates(findings)
    for one in findings.sets:
        yield from _set(one, pictures[one.name])
    yield from _general(findings)
    if findings.guard:
        yield from guard_section(findings.guard)
    yield from ("## What the numbers do not mean", "")
    notes = dict.fromkeys(note for one in findings.sets for r in one.results for note in r.notes)
    yield from (f"- {note}" for note in (*_OVERALL, *notes))
    yield ""
    yield from _work(findings)


def _model(findings: Findings) -> Iterator[str]:
    model, identity = findings.model, findings.run["identity"]
    rows = [("guard's rules", identity["ruleset_sha256"])]
    if model:
        rows += [("model", f"{model['name']} ({model['reference']})"), ("SHA-256", model["sha256"])]
        if model["adapter"]:
            rows += [("adapter", model["adapter"]), ("its SHA-256", model["adapter_sha256"])]
        rows += [
            ("engine", f"{model['engine']}, {model['backend']}"),
            ("prompt template", identity["template_sha256"]),
            ("at most", f"{findings.config.max_new_tokens} new tokens, greedy"),
            ("handed over at", findings.config.safety),
        ]
    yield from table(("", ""), [(name, value or "not known here") for name, value in rows])


def _gates(findings: Findings) -> Iterator[str]:
    yield from ("## Gates", "")
    rows = [
        (
            one.gate.name,
            one.gate.condition,
            one.set or "",
            shown(one.measured),
            one.measured.n if one.measured else "",
            f"**{one.verdict}**" if one.verdict == "FAIL" else one.verdict,
        )
        for one in gates_of(findings)
    ]
    yield from table(("gate", "condition", "set", "measured [95 %]", "n", ""), rows)


def _set(found: SetFindings, pictures: Mapping[str, str]) -> Iterator[str]:
    latency = _latency(found)
    yield from (f"## {found.name}", "")
    yield (
        f"{len(found.items):,} of {found.rows.rows_in_file:,} rows of "
        f"{code(Path(found.rows.config.path).name)} (SHA-256 {found.rows.sha256[:16]}). "
        f"An answer took {latency['median']:.0f} ms (median), {latency['p95']:.0f} ms (95th "
        "percentile)."
    )
    yield ""
    refused = Counter(str(item.refusal) for item in found.items if item.refusal)
    if refused:
        said = ", ".join(f"{name} {count}" for name, count in refused.most_common())
        yield from (f"Not handed over: {refused.total()} ({said}).", "")
    for result in found.results:
        yield from _suite(found, result)
    yield from (f"![{title}](plots/{name})" for title, name in pictures.items())
    yield ""


def _suite(found: SetFindings, result: SuiteResult) -> Iterator[str]:
    judged = found.judged(result)
    undecided = undecided_in(result.outcomes)
    yield from (f"### {found.name}: {result.suite}", "")
    rows = [
        (name, shown(one), one.n, undecided.get(name, ""))
        for name, one in found.measures(result).items()
    ]
    yield from table(("measure", "value [95 %]", "n", "undecided"), rows)
    yield from _strata(judged, result)
    yield from _by_utility(judged)
    yield from _labels(judged)
    yield from _calibration(judged)
    yield from _examples(judged)


def _strata(judged: Sequence[Judged], result: SuiteResult) -> Iterator[str]:
    parts = parts_of(judged, stratum_of)
    if len(parts) < 2:
        return
    yield from ("By stratum:", "")
    found = {
        name: {**rates_of(outcome for _, outcome in part), **result.totals_by_stratum.get(name, {})}
        for name, part in parts.items()
    }
    names = list(dict.fromkeys(name for measures in found.values() for name in measures))
    rows = [
        (measure, *(shown(measures.get(measure)) for measures in found.values()))
        for measure in names
    ]
    yield from table(("", *(f"{name} (n {len(part)})" for name, part in parts.items())), rows)


def _by_utility(judged: Sequence[Judged]) -> Iterator[str]:
    parts = parts_of([one for one in judged if one[0].references], utility_of)
    shares = {name: rates_of(outcome for _, outcome in part) for name, part in parts.items()}
    names = [one for one in _OF_UTILITIES if any(one in rates for rates in shares.values())]
    if not names:
        return
    yield from (f"By the first program of the reference, the {_UTILITIES_SHOWN} most frequent:", "")
    most = list(parts)[:_UTILITIES_SHOWN]
    rows = [
        (code(name), len(parts[name]), *(shown(shares[name].get(one)) for one in names))
        for name in most
    ]
    yield from table(("program", "n", *names), rows)


def _labels(judged: Sequence[Judged]) -> Iterator[str]:
    counts = Counter(outcome.label for _, outcome in judged if outcome.label)
    if not counts:
        return
    total = counts.total()
    rows = [(name, count, f"{count / total:.1%}") for name, count in counts.most_common()]
    yield from ("What kind of answer:", "")
    yield from table(("label", "items", "share"), rows)


def _calibration(judged: Sequence[Judged]) -> Iterator[str]:
    bins = calibration_of(judged, RIGHT)
    error = calibration_error(bins)
    if error is None:
        return
    yield f"Confidence against `{RIGHT}`: expected calibration error {error:.3f}."
    yield ""
    rows = [
        (f"{one.low:.1f} to {one.high:.1f}", f"{one.mean_confidence:.3f}", shown(one.right),
         one.right.n)
        for one in bins
    ]  # fmt: skip
    yield from table(("confidence", "its mean", "exact", "n"), rows)


def _examples(judged: Sequence[Judged]) -> Iterator[str]:
    for label, some in examples_of(judged).items():
        yield from (f"Examples, {label}:", "")
        for item, outcome in some:
            yield f"- {prose(item.query)}"
            yield f"  - answer: {code(item.command or item.raw)}"
            if item.references:
                yield f"  - reference: {code(nearest(item.command or '', item.references))}"
            if outcome.detail:
                yield f"  - {prose(outcome.detail)}"
        yield ""


def _general(findings: Findings) -> Iterator[str]:
    general = findings.general
    if general is None:
        return
    yield from ("## General benchmarks", "")
    rows = [
        (name, rate.n, shown(rate), shown(general.base.get(name)))
        for name, rate in general.rates.items()
    ]
    yield from table(("task", "n", "right [95 %]", "base"), rows)
    yield from (f"- {prose(said)}" for said in general.missing.values())
    yield ""


def _work(findings: Findings) -> Iterator[str]:
    yield from ("## How it was come by", "")
    rows = [
        (
            one["ended_at"],
            one["items"],
            f"{one['seconds']:.0f} s",
            f"{1000 * one['seconds'] / one['items'] / 60:.1f} min",
            one["parallel"],
            f"{one['code']['cli_tuner']} {(one['code']['commit'] or '')[:12]}"
            + (" changed" if one["code"].get("changed") == "true" else ""),
        )
        for one in findings.run["sittings"]
    ]
    head = ("sitting ended", "items", "time", "1,000 items at this speed", "parallel", "code")
    if rows:
        yield from table(head, rows)
    machine = findings.machine
    yield f"Machine: {prose(machine['processor'])}, {machine['cores']} cores. The identities of"
    yield "configuration, packages and files are in `provenance.json`; every answer is in"
    yield "`items.jsonl`, every judgement in `outcomes.jsonl`."
