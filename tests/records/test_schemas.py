"""The committed schemas are current and say what the records say."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from cli_tuner.records import Plain
from cli_tuner.records.schemas import PUBLIC, schema_of, write_schemas

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("record", PUBLIC, ids=lambda record: record.__name__)
def test_the_committed_schema_is_current(record):
    path = FOLDER / f"{record.__name__}.json"
    assert path.read_text(encoding="utf-8") == schema_of(record), (
        "run: python -m cli_tuner.records.schemas docs/schemas"
    )


def test_there_is_a_file_for_each_public_record_and_no_other():
    assert {path.stem for path in FOLDER.iterdir()} == {record.__name__ for record in PUBLIC}


@pytest.mark.parametrize("record", PUBLIC, ids=lambda record: record.__name__)
def test_a_schema_is_closed_and_documented(record):
    schema = json.loads(schema_of(record))
    assert schema["additionalProperties"] is False
    assert schema["description"]
    assert (
        set(schema["properties"]) == {field.name for field in fields(record)}
        if issubclass(record, Plain)
        else set(record.model_fields)
    )


def test_the_schema_agrees_with_what_is_written(example):
    for record in PUBLIC:
        written = json.loads(TypeAdapter(record).dump_json(example(record)))
        schema = json.loads(schema_of(record))
        assert set(schema["required"]) <= set(written) <= set(schema["properties"])


def test_the_exporter_writes_them_and_removes_what_is_gone(tmp_path):
    folder = tmp_path / "schemas"
    folder.mkdir()
    (folder / "Gone.json").write_text("{}")
    module = [sys.executable, "-m", "cli_tuner.records.schemas"]
    subprocess.run([*module, str(folder)], check=True)
    assert {path.stem for path in folder.iterdir()} == {record.__name__ for record in PUBLIC}
    before = {path: path.read_bytes() for path in folder.iterdir()}
    write_schemas(folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_exporter_says_how_it_is_used():
    module = [sys.executable, "-m", "cli_tuner.records.schemas"]
    ended = subprocess.run(module, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("usage: ")
