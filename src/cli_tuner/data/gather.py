"""The first half of the stage: rows become the population, or leave with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Progress
from cli_tuner.data.checks import fault_of, tidied
from cli_tuner.data.config import DataConfig, FileSource, Limits
from cli_tuner.data.examine import Danger, Examination, Examined, Facts
from cli_tuner.data.figures import Figures
from cli_tuner.data.keys import digest64, normalized_query
from cli_tuner.data.pair import Dropped, Pair, Skipped
from cli_tuner.data.parallel import Pool, chunked
from cli_tuner.data.population import Population
from cli_tuner.data.sources import Opened, opened
from cli_tuner.data.split import TEST, VALIDATION
from cli_tuner.data.table import Log
from cli_tuner.errors import DataError

CHUNK = 256
DANGEROUS = "dangerous"


class Exits:
    """Where rows leave: the counts, the log of all, and the log of those the guard objects to."""

    def __init__(self, folder: Path, figures: Figures) -> None:
        self.figures = figures
        self._dropped = Log(folder / "dropped.jsonl.zst")
        self._dangerous = Log(folder / "dangerous.jsonl.zst")

    def leave(self, dropped: Dropped, danger: Danger | None = None) -> None:
        """Count and log a row of a source that leaves."""
        self.figures.left(dropped)
        self._write(dropped, danger, {})

    def leave_held_out(self, split: str, examined: Examined) -> None:
        """Count and log a dangerous row of a set that was held out elsewhere."""
        self.figures.held_out[split][DANGEROUS] += 1
        dropped = Dropped.of(examined.pair, examined.step, examined.reason)
        self._write(dropped, examined.danger, {"split": split})

    def _write(self, dropped: Dropped, danger: Danger | None, more: dict[str, Any]) -> None:
        line = dropped.as_json() | more
        self._dropped.write(line)
        if danger is not None:
            self.figures.rules[f"{danger.rule} {danger.name}"] += 1
            self._dangerous.write({**line, **danger._asdict()})

    def close(self) -> None:
        """Finish both logs."""
        self._dropped.close()
        self._dangerous.close()


@dataclass(frozen=True)
class Held:
    """A row of a set that was held out elsewhere."""

    split: str
    pair: Pair
    facts: Facts


def gather(
    config: DataConfig, pool: Pool, population: Population, exits: Exits, progress: Progress
) -> list[dict[str, Any]]:
    """Fill the population; returns where each source came from.

    Raises DataError for a source that is not usable or too few rows.
    """
    sources = [opened(source, config.seed) for source in config.sources]
    levels = frozenset({DANGEROUS, *config.drop_levels})
    examination = Examination(config.limits, levels)
    progress.step("read, check syntax, judge, count tokens")
    items = _candidates(sources, config.limits, exits.figures)
    for chunk in pool.map(examination, chunked(items, CHUNK)):
        for one in chunk:
            _settle(one, population, exits)
        progress.advance(len(chunk))
    if exits.figures.rows_in < config.expected.at_least:
        raise DataError(
            f"the sources have {exits.figures.rows_in} rows,"
            f" fewer than the {config.expected.at_least} that are expected",
            hint="if that is meant: --set expected.at_least=0",
        )
    return [source.origin() for source in sources]


def _candidates(
    sources: Iterable[Opened], limits: Limits, figures: Figures
) -> Iterator[Pair | Dropped]:
    """The rows that are worth examining, and those that are not, in the order of the sources."""
    seen: set[int] = set()
    for source in sources:
        for row in source.rows():
            figures.came_in(row)
            yield _checked(row, limits, seen)


def _checked(row: Pair | Skipped, limits: Limits, seen: set[int]) -> Pair | Dropped:
    if isinstance(row, Skipped):
        return Dropped("source", row.reason, row.source, row.ref, row=row.row)
    pair = tidied(row)
    fault = fault_of(pair, limits)
    if fault:
        return Dropped.of(pair, "checks", fault)
    key = digest64(f"{normalized_query(pair.query)}\0{' '.join(pair.command.split())}")
    if key in seen:
        return Dropped.of(pair, "exact duplicates", "the same request and command were there")
    seen.add(key)
    return pair


def _settle(one: Examined | Dropped, population: Population, exits: Exits) -> None:
    if isinstance(one, Dropped):
        exits.leave(one)
        return
    figures = exits.figures
    if one.facts is not None:
        figures.levels[one.facts.level] += 1
        figures.utilities.update(one.facts.utilities)
        population.add(one.pair, one.facts)
        return
    if one.danger is not None:
        figures.levels[one.danger.level] += 1
    exits.leave(Dropped.of(one.pair, one.step, one.reason), one.danger)


def gather_held_out(
    config: DataConfig, pool: Pool, exits: Exits, progress: Progress
) -> tuple[list[Held], dict[str, dict[str, Any]]]:
    """The sets that were held out elsewhere, as they are but for dangerous commands.

    Returns the rows and where each set came from. Raises DataError for a row that is no pair.
    """
    given = {VALIDATION: config.held_out.validation, TEST: config.held_out.test}
    examination = Examination(config.limits, frozenset({DANGEROUS}), lenient=True)
    held: list[Held] = []
    origins: dict[str, dict[str, Any]] = {}
    for split, source in given.items():
        if source is None:
            continue
        progress.step(f"read the {split} set")
        counts = exits.figures.held_out.setdefault(split, Counter())
        file = opened(source, config.seed)
        for chunk in pool.map(examination.of_pairs, chunked(_pairs(file, source), CHUNK)):
            for one in chunk:
                if one.facts is None:
                    exits.leave_held_out(split, one)
                else:
                    counts["kept"] += 1
                    held.append(Held(split, one.pair, one.facts))
            progress.advance(len(chunk))
        origins[split] = file.origin()
    return held, origins


def _pairs(file: Opened, source: FileSource) -> Iterator[Pair]:
    for row in file.rows():
        if isinstance(row, Skipped):
            raise DataError(f"{source.path}:{row.ref}: {row.reason}; held-out sets stay complete")
        yield row
