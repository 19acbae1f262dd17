"""The rows of a set, whatever their fields are called."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cli_tuner.artifacts import require
from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.config import ItemSet

_QUERY = ("query", "nl", "prompt", "nl_command", "request")
_COMMAND = ("command", "bash", "bash_code", "reference")
_ALSO = ("alt_bash", "alternatives")
EVERYTHING = "all"


@dataclass(frozen=True)
class Row:
    """One request. `references` is empty where any answer is judged without one."""

    set: str
    id: str
    query: str
    references: tuple[str, ...]
    stratum: str
    source: Mapping[str, Any]


@dataclass(frozen=True)
class RowSet:
    """The rows that are asked, and the file that they are from."""

    config: ItemSet
    rows: tuple[Row, ...]
    rows_in_file: int
    sha256: str


def read_set(config: ItemSet, seed: int) -> RowSet:
    """The set with its seeded choice of rows, in the file's order.

    Raises EvaluationError that names the line.
    """
    path = Path(os.path.expandvars(config.path)).expanduser()
    try:
        rows = [_row(config, path, number, text) for number, text in _lines(path)]
        digest = sha256_of_file(path)
    except OSError as error:
        raise EvaluationError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path} is not UTF-8 at byte {error.start}") from error
    if not rows:
        raise EvaluationError(f"{path} has no rows")
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise EvaluationError(f'{path}: two rows have the id "{row.id}"')
        seen.add(row.id)
    return RowSet(config, _chosen(rows, config.limit, seed), len(rows), digest)


def _chosen(rows: list[Row], limit: int | None, seed: int) -> tuple[Row, ...]:
    """The rows whose digest comes first: more rows never change the choice of the others."""
    if limit is None or limit >= len(rows):
        return tuple(rows)
    ranks = {row.id: hashlib.sha256(f"{seed}:{row.id}".encode()).digest() for row in rows}
    last = sorted(ranks.values())[limit - 1]
    return tuple(row for row in rows if ranks[row.id] <= last)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    if path.suffix == ".zst":
        opened: IO[str] = require("zstandard", "evaluate").open(path, "rt", encoding="utf-8")
        return opened
    return path.open(encoding="utf-8")


def _row(config: ItemSet, path: Path, number: int, text: str) -> Row:
    where = f"{path}:{number}"
    try:
        row = json.loads(text)
    except ValueError as error:
        raise EvaluationError(f"{where} is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise EvaluationError(f"{where} is no JSON object")
    query = _first(row, _QUERY)
    if not isinstance(query, str):
        raise EvaluationError(f"{where} has no request", hint=f"call it {' or '.join(_QUERY)}")
    references = _references(row, where)
    name = row.get("id") or hashlib.sha256(f"{query}\0{references}".encode()).hexdigest()[:16]
    parts = [str(row[field]) for field in config.strata if row.get(field)]
    return Row(config.name, str(name), query, references, "/".join(parts) or EVERYTHING, row)


def _references(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    given = [_first(row, _COMMAND), row.get("references"), _first(row, _ALSO)]
    found: list[Any] = []
    for one in given:
        found += one if isinstance(one, list) else [one] if one is not None else []
    if not all(isinstance(one, str) for one in found):
        raise EvaluationError(f"{where}: a command is no text")
    return tuple(dict.fromkeys(one.strip() for one in found))


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if name in row), None)
