"""Local files: JSON lines, CSV, TSV and Parquet, also compressed with gzip or zstd.

Read as a stream. A row that is not readable is an error with the line's number, or with
`broken: drop` a row that is dropped and counted.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from cli_tuner.artifacts import require
from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.data.config import FileSource
from cli_tuner.data.pair import Pair, Skipped
from cli_tuner.data.sources.select import Row, selected
from cli_tuner.errors import DataError

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_LINE_MAX = 1 << 24
"""Bytes of a line; a file without line ends is no JSON lines."""


class File:
    """One file. Raises DataError if it is not there, is empty, or is of no known kind."""

    def __init__(self, source: FileSource, seed: int) -> None:
        self._source = source
        self._seed = seed
        self.path = Path(os.path.expandvars(source.path)).expanduser()
        if not self.path.is_file():
            raise DataError(
                f"{source.name}: there is no file {self.path}",
                hint="name another with --set sources.N.path=...",
            )
        if self.path.stat().st_size == 0:
            raise DataError(f"{self.path} is empty")
        suffixes = [suffix.lower() for suffix in self.path.suffixes]
        self._packing = suffixes.pop() if suffixes and suffixes[-1] in (".gz", ".zst") else ""
        self._format = suffixes[-1] if suffixes else ""
        if self._format not in (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet"):
            raise DataError(f"{self.path}: only .jsonl, .csv, .tsv, .parquet (.gz, .zst) are known")

    def rows(self) -> Iterator[Pair | Skipped]:
        """The pairs. Raises DataError that names the file and line."""
        if self._format == ".parquet":
            raw: Iterator[Row | Skipped] = self._parquet()
        elif self._format in _DELIMITERS:
            raw = self._table(_DELIMITERS[self._format])
        else:
            raw = self._lines()
        empty = True
        fields = self._source.fields
        for row in selected(
            raw, self._source, fields, self._seed, lambda ref: f"{self.path}:{ref}"
        ):
            empty = False
            yield row
        if empty:
            raise DataError(f"{self.path} has no rows")

    def origin(self) -> dict[str, Any]:
        """Which bytes were read."""
        size = self.path.stat().st_size
        return {"file": self.path.name, "sha256": sha256_of_file(self.path), "bytes": size}

    def _lines(self) -> Iterator[Row | Skipped]:
        for number, line in self._decoded():
            if isinstance(line, Skipped):
                yield line
                continue
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield self._broken(number, f"not JSON: {error}")
                continue
            if not isinstance(row, dict):
                yield self._broken(number, "not a JSON object")
                continue
            yield str(number), row

    def _table(self, delimiter: str) -> Iterator[Row | Skipped]:
        skipped: list[Skipped] = []
        place = 0

        def texts() -> Iterator[str]:
            nonlocal place
            for number, line in self._decoded():
                place = number
                if isinstance(line, Skipped):
                    skipped.append(line)
                else:
                    yield line

        reader = csv.DictReader(texts(), delimiter=delimiter, strict=True)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                yield self._broken(place, str(error))
                continue
            if None in row or None in row.values():
                yield self._broken(place, "another number of fields than the header")
                continue
            yield str(place), row
        yield from skipped

    def _parquet(self) -> Iterator[Row | Skipped]:
        parquet = require("pyarrow.parquet", "data")
        arrow = require("pyarrow", "data")
        number = 0
        try:
            with parquet.ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=4096):
                    for row in batch.to_pylist():
                        number += 1
                        yield str(number), row
        except (arrow.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{self.path} after row {number}: {_first_line(error)}") from error

    def _decoded(self) -> Iterator[tuple[int, str | Skipped]]:
        """The lines as text, with their numbers."""
        number = 0
        try:
            with self._bytes() as file:
                while line := file.readline(_LINE_MAX):
                    number += 1
                    if len(line) == _LINE_MAX:
                        raise DataError(f"{self.path}:{number}: the line has no end within 16 MB")
                    try:
                        # A mark at the very start is what some programs put before UTF-8.
                        yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
                    except UnicodeDecodeError as error:
                        found = f"byte {line[error.start]:#04x} at column {error.start + 1}"
                        yield number, self._broken(number, f"not UTF-8: {found}")
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{self.path}:{number + 1}: {_first_line(error)}") from error

    def _bytes(self) -> IO[bytes]:
        if self._packing == ".gz":
            return cast("IO[bytes]", gzip.open(self.path, "rb"))
        if self._packing == ".zst":
            zstandard = require("zstandard", "data")
            return io.BufferedReader(_Unpacked(zstandard, self.path))
        return self.path.open("rb")

    def _broken(self, number: int, problem: str) -> Skipped:
        if self._source.broken == "error":
            raise DataError(
                f"{self.path}:{number}: {problem}",
                hint="mend the line, or leave such rows out with broken: drop",
            )
        return Skipped(self._source.name, str(number), f"not readable: {problem.partition(':')[0]}")


class _Unpacked(io.RawIOBase):
    """A zstd file's content; its errors, and an early end, are those of a file."""

    def __init__(self, zstandard: Any, path: Path) -> None:
        self._file = path.open("rb")
        self._error = zstandard.ZstdError
        self._reader = zstandard.ZstdDecompressor().stream_reader(
            self._file, read_across_frames=True
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            found: int = self._reader.readinto(buffer)
        except self._error as error:
            raise OSError(f"not readable as zstd: {error}") from error
        return found

    def close(self) -> None:
        self._file.close()
        super().close()


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
