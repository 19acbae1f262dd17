"""The journal's files as tables of DuckDB: one period of each kind, in a database in memory.

    performance   provenance   feedback

A line that is no whole record, half written, overlong or something else, is in no table. A record
that was changed is an error as it is everywhere else: its hash is computed again, in the query.
Looked at are the newest record and all from the period's first on, with an hour's worth before it:
processes write in the order of their answers and not of their questions.

Nothing is fetched and nothing is written: no extension is loaded that DuckDB does not bring, and
what does not fit into memory fails instead of being put on the disk.
"""

from __future__ import annotations

import glob
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from cli_tuner.artifacts import require
from cli_tuner.errors import JournalError
from cli_tuner.journal import Journal
from cli_tuner.journal.files import failure, open_private
from cli_tuner.journal.line import LINE_MAX
from cli_tuner.records import FeedbackRecord, PerformanceRecord, ProvenanceRecord, Record

BOUNDARIES = ("ingress", "normalize", "inference", "validation", "egress")
_DISORDER = timedelta(hours=1)
_SAFE = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "temp_directory": "",
}

_COLUMNS: dict[type[Record], dict[str, Any]] = {
    PerformanceRecord: {
        "timestamp": "TIMESTAMP",
        "latency": {f"{name}_ms": "DOUBLE" for name in BOUNDARIES},
        "prompt_tokens": "BIGINT",
        "completion_tokens": "BIGINT",
        "mean_logprob": "DOUBLE",
        "valid": "BOOLEAN",
        "model": "VARCHAR",
    },
    ProvenanceRecord: {
        "timestamp": "TIMESTAMP",
        "caller": "VARCHAR",
        "user_hmac": "VARCHAR",
        "level": "VARCHAR",
        "refusal": "VARCHAR",
        "rule_ids": ["VARCHAR"],
        "signals": ["VARCHAR"],
    },
    FeedbackRecord: {"timestamp": "TIMESTAMP", "kind": "VARCHAR"},
}
"""What is read of a record: nobody's query and no command is."""
_MAY_BE_NULL = {"mean_logprob", "level", "refusal"}

# Latin-1 has a letter for every byte, so no line is refused for its bytes; a whole one is ASCII.
# The seal of 149 characters is that of journal/line.py; taken apart by groups of the expression, it
# would cost four times the processor time.
_LINES = r"""
CREATE OR REPLACE TEMP TABLE lines AS
SELECT number, left(line, -149) || '}' AS body,
       substring(seal, 10, 64) AS prev, substring(seal, 84, 64) AS hash,
       TRY_CAST(regexp_extract(line, ',"timestamp":"([^"]+)"', 1) AS TIMESTAMP) AS moment
FROM (
    SELECT row_number() OVER () AS number, line, right(line, 149) AS seal
    FROM read_csv(
        $path, columns = {'line': 'VARCHAR'}, header = false, auto_detect = false,
        encoding = 'latin-1', delim = '', quote = '', escape = '', new_line = '\n',
        strict_mode = false, ignore_errors = true, max_line_size = $longest
    )
)
WHERE starts_with(line, '{')
  AND regexp_full_match(seal, ',"prev":"[0-9a-f]{64}","hash":"[0-9a-f]{64}"\}')
"""
_CHANGED = """
WITH looked_at AS (
    SELECT coalesce(min(number) FILTER (moment >= $begin), max(number)) AS first FROM lines
)
SELECT count(*) FROM lines, looked_at
WHERE number >= first AND (sha256(prev || body) != hash OR moment IS NULL)
"""
_TABLE = """
CREATE TEMP TABLE {name} AS
SELECT unnest(from_json_strict(body, '{shape}')) FROM lines
WHERE moment >= $since AND moment < $until
"""


class Database:
    """A period of the journal, from `since` on and before `until`, to be queried with SQL.

    Times in it are UTC without a zone. Raises ExtraMissing without DuckDB, JournalError if a file
    cannot be read or holds a record that was changed.
    """

    def __init__(self, journal: Journal, since: datetime, until: datetime) -> None:
        self._duckdb = require("duckdb", "watch")
        self._connection = self._duckdb.connect(":memory:", config=_SAFE)
        self._since, self._until = since.replace(tzinfo=None), until.replace(tzinfo=None)
        try:
            for kind, columns in _COLUMNS.items():
                self._add(journal.path(kind), name_of(kind), columns)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        found: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        return found

    def _add(self, path: Path, name: str, columns: dict[str, Any]) -> None:
        if _is_there(path):
            self._read_lines(path)
        else:
            self._connection.execute(_NO_LINES)
        shape = json.dumps(columns)
        try:
            self._connection.execute(
                _TABLE.format(name=name, shape=shape),
                {"since": self._since, "until": self._until},
            )
            needed = (column for column in columns if column not in _MAY_BE_NULL)
            missing = " OR ".join(f"{column} IS NULL" for column in needed)
            ((count,),) = self.rows(f"SELECT count(*) FROM {name} WHERE {missing}")  # noqa: S608  # our own names
        except self._duckdb.Error as error:
            raise _of_another_version(path) from error
        if count:
            raise _of_another_version(path)

    def _read_lines(self, path: Path) -> None:
        try:
            # Nothing in a folder's name is a pattern.
            self._connection.execute(_LINES, {"path": glob.escape(str(path)), "longest": LINE_MAX})
        except self._duckdb.Error as error:
            first = str(error).partition("\n")[0]
            raise JournalError(f"cannot read {path}: {first}") from error
        ((changed,),) = self._connection.execute(
            _CHANGED, {"begin": self._since - _DISORDER}
        ).fetchall()
        if changed:
            raise JournalError(f"{path}: a record was changed", hint="see: cli-tuner doctor")


_NO_LINES = """
CREATE OR REPLACE TEMP TABLE lines
    (number BIGINT, body VARCHAR, prev VARCHAR, hash VARCHAR, moment TIMESTAMP)
"""


def name_of(kind: type[Record]) -> str:
    """The table of a kind: performance, provenance, feedback."""
    return kind.__name__.removesuffix("Record").lower()


def _is_there(path: Path) -> bool:
    """Whether there is such a file; a link or a folder in its place is an error."""
    try:
        os.close(open_private(path, os.O_RDONLY))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise failure(path, "read", error) from error
    return True


def _of_another_version(path: Path) -> JournalError:
    return JournalError(
        f"{path}: a record is of another version of the program",
        hint="update cli-tuner, or move the folder monitoring away",
    )
