"""The data set's files: each split as JSON lines and as Parquet, with the same rows.

{id, query, command, source, license, ref, utilities, template, group,
 messages: [{role, content}...], tokens: {prompt, answer}}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cli_tuner.artifacts import require
from cli_tuner.chat import to_conversation
from cli_tuner.data.population import Member

_BATCH = 2048


def to_row(member: Member, group: str) -> dict[str, Any]:
    """A member as the data set shows it; `group` is the first skeleton of its group."""
    pair = member.pair
    return {
        **pair.as_json(),
        "utilities": list(member.utilities),
        "template": member.template,
        "group": hashlib.blake2b(group.encode(), digest_size=6).hexdigest(),
        "messages": to_conversation(pair.query, pair.command),
        "tokens": {"prompt": member.prompt_tokens, "answer": member.answer_tokens},
    }


class SplitWriter:
    """Writes one split: `name.jsonl` and `name.parquet`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.rows = 0
        self._lines = (folder / f"{name}.jsonl").open("w", encoding="utf-8")
        self._parquet = require("pyarrow.parquet", "data").ParquetWriter(
            folder / f"{name}.parquet", _schema(), compression="zstd"
        )
        self._batch: list[dict[str, Any]] = []

    def write(self, row: dict[str, Any]) -> None:
        """Write one row."""
        self.rows += 1
        self._lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._batch.append(row)
        if len(self._batch) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        arrow = require("pyarrow", "data")
        self._parquet.write_table(arrow.Table.from_pylist(self._batch, schema=_schema()))
        self._batch = []

    def close(self) -> None:
        """Write what is left."""
        if self._batch:
            self._flush()
        self._lines.close()
        self._parquet.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _schema() -> Any:
    arrow = require("pyarrow", "data")
    text = arrow.string()
    message = arrow.struct([("role", text), ("content", text)])
    tokens = arrow.struct([("prompt", arrow.int32()), ("answer", arrow.int32())])
    names = ("id", "query", "command", "source", "license", "ref")
    return arrow.schema(
        [
            *((name, text) for name in names),
            ("utilities", arrow.list_(text)),
            ("template", text),
            ("group", text),
            ("messages", arrow.list_(message)),
            ("tokens", tokens),
        ]
    )


def read_split(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a split."""
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


class Log:
    """JSON lines, compressed: what left the data set, and why."""

    def __init__(self, path: Path) -> None:
        zstandard = require("zstandard", "data")
        self.rows = 0
        self._file = path.open("wb")
        self._packed = zstandard.ZstdCompressor(level=10).stream_writer(self._file)

    def write(self, row: dict[str, Any]) -> None:
        """Write one line."""
        self.rows += 1
        self._packed.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        """Finish the file."""
        self._packed.close()
        self._file.close()


def read_log(path: Path) -> Iterable[dict[str, Any]]:
    """The lines of a log."""
    zstandard = require("zstandard", "data")
    with zstandard.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
