"""The JSON Schemas of the public records, for whoever reads our JSON without our Python.

    python -m cli_tuner.records.schemas docs/schemas

writes one file for each record and removes those of records that are gone. The files depend on
the records alone; a test says when they are not current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import TypeAdapter

from cli_tuner.records import (
    AllowanceRecord,
    CommandRequest,
    CommandResponse,
    FeedbackRecord,
    NormalizedRequest,
    PerformanceRecord,
    ProvenanceRecord,
    RawModelOutput,
    Refusal,
    ValidatedCommand,
    ValidationErrorRecord,
    Verdict,
)
from cli_tuner.records.base import Record
from cli_tuner.records.plain import Plain

PUBLIC: tuple[type[Record | Plain], ...] = (
    AllowanceRecord,
    CommandRequest,
    CommandResponse,
    FeedbackRecord,
    NormalizedRequest,
    PerformanceRecord,
    ProvenanceRecord,
    RawModelOutput,
    Refusal,
    ValidatedCommand,
    ValidationErrorRecord,
    Verdict,
)

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(record: type[Record | Plain]) -> str:
    """A record's JSON Schema as the text of its file: sorted keys, one final newline."""
    schema = {"$schema": _DIALECT, **TypeAdapter(record).json_schema(mode="serialization")}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def write_schemas(folder: Path) -> None:
    """Bring a folder of schemas up to date. Raises OSError if it cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    current = {folder / f"{record.__name__}.json": schema_of(record) for record in PUBLIC}
    for stale in set(folder.glob("*.json")) - set(current):
        stale.unlink()
    for path, text in current.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m cli_tuner.records.schemas FOLDER")
    write_schemas(Path(sys.argv[1]))
