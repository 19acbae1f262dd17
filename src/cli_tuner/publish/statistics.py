"""Counts over the rows that are published, read from the Parquet files themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import require
from cli_tuner.errors import NotPublishable

COLUMNS = "id query command source license ref utilities template group messages tokens".split()
"""What every row has, in the order of the files."""


@dataclass(frozen=True)
class Spread:
    """Smallest, median, 95th percentile and largest of some lengths."""

    low: int
    median: int
    p95: int
    high: int


@dataclass(frozen=True)
class SplitStatistics:
    """One split: rows, distinct commands and templates, lengths in tokens and characters."""

    name: str
    rows: int
    distinct_commands: int
    distinct_templates: int
    tokens: Spread
    query_characters: Spread
    command_characters: Spread


@dataclass(frozen=True)
class Statistics:
    """All splits. `shares` counts rows by licence and source, `utilities` rows by program."""

    splits: tuple[SplitStatistics, ...]
    shares: tuple[tuple[str, str, int], ...]
    utilities: tuple[tuple[str, int], ...]

    @property
    def rows(self) -> int:
        """The rows of all splits."""
        return sum(split.rows for split in self.splits)

    def rows_by_licence(self) -> dict[str, int]:
        """Rows of each licence, the largest first."""
        counted: Counter[str] = Counter()
        for licence, _, rows in self.shares:
            counted[licence] += rows
        return dict(sorted(counted.items(), key=lambda entry: (-entry[1], entry[0])))


def statistics_of(files: Iterable[tuple[str, Path]]) -> Statistics:
    """Statistics of splits, each given by its name and Parquet file.

    Raises NotPublishable for a file that is no Parquet, lacks a column, or has no rows.
    """
    splits, shares, utilities = [], Counter[tuple[str, str]](), Counter[str]()
    for name, path in files:
        columns = _columns(path)
        splits.append(_split(name, columns))
        shares.update(zip(columns["license"], columns["source"], strict=True))
        utilities.update(program for row in columns["utilities"] for program in set(row or ()))
    ordered = sorted(shares.items(), key=lambda entry: (-entry[1], entry[0]))
    return Statistics(
        tuple(splits),
        tuple((licence, source, rows) for (licence, source), rows in ordered),
        tuple(sorted(utilities.items(), key=lambda entry: (-entry[1], entry[0]))),
    )


def _columns(path: Path) -> dict[str, list[Any]]:
    """The columns that are counted; `messages`, the largest, is not read."""
    parquet = require("pyarrow.parquet", "data")
    arrow = require("pyarrow", "data")
    try:
        with parquet.ParquetFile(path) as file:
            missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
            if missing:
                raise NotPublishable(f"{path} has no column {missing[0]}")
            table = file.read([name for name in COLUMNS if name != "messages"])
    except arrow.ArrowInvalid as error:
        raise NotPublishable(f"{path} is not a Parquet file: {error}") from error
    if not table.num_rows:
        raise NotPublishable(f"{path} has no rows")
    columns: dict[str, list[Any]] = table.to_pydict()
    for name in ("query", "command", "source", "license"):
        if not all(isinstance(value, str) and value for value in columns[name]):
            raise NotPublishable(f"{path} has a row without {name}")
    return columns


def _split(name: str, columns: dict[str, list[Any]]) -> SplitStatistics:
    return SplitStatistics(
        name=name,
        rows=len(columns["id"]),
        distinct_commands=len(set(columns["command"])),
        distinct_templates=len(set(columns["template"])),
        tokens=_spread([counts["prompt"] + counts["answer"] for counts in columns["tokens"]]),
        query_characters=_spread([len(text) for text in columns["query"]]),
        command_characters=_spread([len(text) for text in columns["command"]]),
    )


def _spread(values: Sequence[int]) -> Spread:
    """Nearest-rank percentiles, which are values that occur."""
    ordered = sorted(values)

    def at(percent: int) -> int:
        return ordered[-(-len(ordered) * percent // 100) - 1]

    return Spread(ordered[0], at(50), at(95), ordered[-1])
