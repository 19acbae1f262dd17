"""The tables themselves, as lines of Markdown: one row for each model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli_tuner.artifacts.markdown import table
from cli_tuner.evaluate.markdown import prose, shown
from cli_tuner.evaluate.tables.measured import (
    Evaluation,
    columns_of,
    measure_of,
    set_names,
)

_MAIN = {"domain": "exact_canonical", "equivalence": "equivalent", "execution": "passed",
         "safety": "dangerous_handed_over"}  # fmt: skip
"""The measure of a suite that is shown by stratum."""
_NOT = "not measured"


def sections(some: Sequence[Evaluation]) -> Iterator[str]:
    """All tables of these evaluations."""
    asked = [one for one in some if one.model]
    yield from _models(asked)
    for name in set_names(asked):
        yield from _set(asked, name)
    yield from _general(asked)
    yield from _gates(some)
    yield from _unseen(some)
    yield from _time(asked)


def _models(some: Sequence[Evaluation]) -> Iterator[str]:
    if not some:
        return
    yield from ("### What was measured", "")
    rows = [
        (
            one.name,
            f"{prose(str(one.model['reference']))}, {prose(str(one.model['engine']))}",
            _short(one.model["sha256"]),
            _short(one.model["adapter_sha256"]),
            _short(one.results["run"]["identity"]["template_sha256"]),
            _short(one.results["run"]["identity"]["ruleset_sha256"]),
            _ended(one),
            one.base.name if one.base else "",
        )
        for one in some
    ]
    head = ("evaluation", "model", "weights", "adapter", "prompt", "rules", "asked until",
            "compared with")  # fmt: skip
    yield from table(head, rows)


def _short(digest: object) -> str:
    return f"`{str(digest)[:8]}`" if digest else ""


def _ended(one: Evaluation) -> str:
    return max((str(each["ended_at"])[:10] for each in one.results["run"]["sittings"]), default="")


def _set(some: Sequence[Evaluation], name: str) -> Iterator[str]:
    having = [one for one in some if name in one.sets]
    columns = columns_of(having, name)
    yield from (f"### {name}", "")
    rows = [
        (
            one.name,
            _rows_of(one.sets[name]),
            *(_cell(one, name, suite, measure) for suite, measure in columns),
        )
        for one in having
    ]
    yield from table(("evaluation", "rows", *(measure for _, measure in columns)), rows)
    for suite, measure in _MAIN.items():
        yield from _by_stratum(having, name, suite, measure)


def _rows_of(found: Mapping[str, Any]) -> str:
    n, all_of_them = found["n"], found["rows_in_file"]
    return f"{n}" if n == all_of_them else f"{n} of {all_of_them}"


def _cell(one: Evaluation, name: str, suite: str, measure: str) -> str:
    """`61.2 % [58.1, 64.2], n 300; +41 -3, p 2e-9`; the second half compares with the base."""
    value = one.measure(name, suite, measure)
    if value is None:
        return ""
    text = shown(value) if value.n == one.sets[name]["n"] else f"{shown(value)}, n {value.n}"
    pair = one.paired.get((name, suite, measure))
    if pair is None:
        return text
    return f"{text}; +{len(pair.fixed)} -{len(pair.broken)}, p {pair.p:.2g}"


def _by_stratum(some: Sequence[Evaluation], name: str, suite: str, measure: str) -> Iterator[str]:
    parts = {
        one.name: one.suites(name)[suite]["by_stratum"] for one in some if suite in one.suites(name)
    }
    strata = list(dict.fromkeys(stratum for found in parts.values() for stratum in found))
    if len(strata) < 2:
        return
    rows = [
        (stratum, *(_with_n(found.get(stratum, {}).get(measure)) for found in parts.values()))
        for stratum in strata
    ]
    yield from table((f"{name}, `{measure}` by stratum", *parts), rows)


def _with_n(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    value = measure_of(found)
    return f"{shown(value)}, n {value.n}"


def _general(some: Sequence[Evaluation]) -> Iterator[str]:
    having = [one for one in some if one.results.get("general")]
    if not having:
        return
    tasks = list(
        dict.fromkeys(
            task for one in having for part in ("tasks", "missing")
            for task in one.results["general"][part]
        )
    )  # fmt: skip
    rows = [(one.name, *(_task(one, name) for name in tasks), _drop(one)) for one in having]
    yield from ("### General benchmarks", "")
    yield from table(("evaluation", *tasks, "largest drop of a public task, points"), rows)


def _task(one: Evaluation, name: str) -> str:
    found = one.results["general"]["tasks"].get(name)
    if found:
        return _with_n(found)
    missing = one.results["general"]["missing"].get(name)
    return prose(missing) if missing else ""


def _drop(one: Evaluation) -> str:
    found = one.results["general"]["drop_points"]
    return shown(measure_of(found)) if found else _NOT


def _gates(some: Sequence[Evaluation]) -> Iterator[str]:
    yield from ("### Gates", "")
    places = dict.fromkeys(
        (gate["gate"], gate["condition"], gate["set"])
        for one in some
        for gate in one.results["gates"]
        if gate["verdict"] != _NOT
    )
    gates = dict.fromkeys((each["gate"], each["condition"]) for each in some[0].results["gates"])
    rows: list[Sequence[str]] = []
    for gate, condition in gates:
        found = [where for name, _, where in places if name == gate]
        rows += [
            (gate, condition, where or "", *(_verdict(one, gate, where) for one in some))
            for where in found or [None]
        ]
    yield from table(("gate", "condition", "set", *(one.name for one in some)), rows)


def _verdict(one: Evaluation, gate: str, where: str | None) -> str:
    for each in one.results["gates"]:
        if each["gate"] == gate and each["set"] == where and each["verdict"] != _NOT:
            said = "**FAIL**" if each["verdict"] == "FAIL" else each["verdict"]
            return f"{said}, {shown(measure_of(each))}"
    return _NOT


def _unseen(some: Sequence[Evaluation]) -> Iterator[str]:
    """The guard on cases that it had not seen; the same file for all, so the last one's."""
    guards = [one.results["guard"] for one in some if one.results.get("guard")]
    if not guards or not guards[-1]["unseen"]:
        return
    yield from ("### The guard on unseen cases", "")
    keys = ("dangerous_caught", "dangerous_flagged", "safe_called_dangerous", "safe_flagged")
    rows = [
        (each["set"], each["measured"], each["guard"], *(_with_n(each[key]) for key in keys))
        for each in guards[-1]["unseen"]
    ]
    head = ("set", "measured", "guard", "dangerous, caught", "dangerous, flagged",
            "safe, called dangerous", "safe, flagged")  # fmt: skip
    yield from table(head, rows)


def _time(some: Sequence[Evaluation]) -> Iterator[str]:
    if not some:
        return
    yield from ("### Run time", "")
    rows = []
    for one in some:
        sittings = one.results["run"]["sittings"]
        items = sum(each["items"] for each in sittings)
        seconds = sum(each["seconds"] for each in sittings)
        machine = one.results["machine"]
        rows.append(
            (
                one.name,
                items,
                f"{seconds / 60:.0f} min",
                f"{1000 * seconds / items / 60:.1f} min" if items else "",
                ", ".join(sorted({str(each["parallel"]) for each in sittings})),
                f"{prose(str(machine['processor']))}, {machine['cores']} cores",
            )
        )
    head = ("evaluation", "answers", "took", "1,000 at this speed", "at once", "machine")
    yield from table(head, rows)
