"""Local files of every kind, and everything that can be wrong with them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard

from cli_tuner.data.config import FileSource
from cli_tuner.data.pair import Pair, Skipped
from cli_tuner.data.sources import opened
from cli_tuner.errors import DataError

ROWS = [
    {"nl_command": "list files", "bash_code": "ls"},
    {"nl_command": 'where am I, "exactly"', "bash_code": "pwd"},
]
JSONL = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
CSV = b'nl_command,bash_code\nlist files,ls\n"where am I, ""exactly""",pwd\n'

TSV = b'nl_command\tbash_code\nlist files\tls\n"where am I, ""exactly"""\tpwd\n'


def parquet(path: Path) -> None:
    pyarrow.parquet.write_table(pa.Table.from_pylist(ROWS), path)


KINDS = {
    "a.jsonl": lambda path: path.write_bytes(JSONL),
    "a.JSONL": lambda path: path.write_bytes(JSONL),
    "a.jsonl.gz": lambda path: path.write_bytes(gzip.compress(JSONL)),
    "a.jsonl.zst": lambda path: path.write_bytes(zstandard.compress(JSONL)),
    "a.csv": lambda path: path.write_bytes(CSV),
    "a.csv.zst": lambda path: path.write_bytes(zstandard.compress(CSV)),
    "a.tsv": lambda path: path.write_bytes(TSV),
    "a.parquet": parquet,
    "mark.jsonl": lambda path: path.write_bytes(b"\xef\xbb\xbf" + JSONL),
    "blank.jsonl": lambda path: path.write_bytes(b"\n" + JSONL + b"\n\n"),
}  # fmt: skip


def read(path: Path, **settings):
    source = FileSource(name="made", path=str(path), **settings)
    return list(opened(source, seed=1).rows())


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_gives_the_same_pairs(tmp_path, name):
    KINDS[name](tmp_path / name)
    pairs = read(tmp_path / name)
    assert [(pair.query, pair.command) for pair in pairs] == [tuple(row.values()) for row in ROWS]


BROKEN = {
    "json.jsonl": (b'{"query": "a", "command": "b"}\n{"query":\n', r"json\.jsonl:2: not JSON"),
    "list.jsonl": (b"[1]\n", r"list\.jsonl:1: not a JSON object"),
    "deep.jsonl": (b"[" * 100_000 + b"\n", r"deep\.jsonl:1: not JSON"),
    "utf8.jsonl": (
        b'{"query": "a", "command": "b"}\n{"query": "\xff"}\n',
        r"utf8\.jsonl:2: not UTF-8: byte 0xff at column 12",
    ),
    "fields.csv": (b"query,command\na,b\nc\n", r"fields\.csv:3: another number of fields"),
    "more.csv": (b"query,command\na,b,c\n", r"more\.csv:2: another number of fields"),
    "quote.csv": (b'query,command\na,"b"c\n', r"quote\.csv:2: "),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_is_an_error_that_names_the_line(tmp_path, name):
    data, said = BROKEN[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=said) as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [name for name in BROKEN if "csv" not in name])
def test_a_broken_row_can_be_left_out_and_counted(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name][0])
    rows = read(tmp_path / name, broken="drop")
    left_out = [row for row in rows if isinstance(row, Skipped)]
    assert len(left_out) == 1
    assert left_out[0].reason.startswith("not readable: ")


UNUSABLE = {
    "empty.jsonl": (b"", "is empty"),
    "blank.jsonl": (b"\n\n", "has no rows"),
    "head.csv": (b"query,command\n", "has no rows"),
    "cut.jsonl.gz": (gzip.compress(JSONL * 99)[:-20], r"cut\.jsonl\.gz:\d+: "),
    "cut.jsonl.zst": (zstandard.compress(JSONL * 999)[:40], r"cut\.jsonl\.zst"),
    "no.jsonl.gz": (b"no gzip at all", r"no\.jsonl\.gz:1: "),
    "no.jsonl.zst": (b"no zstd at all", r"no\.jsonl\.zst:1: .*not readable as zstd"),
    "no.parquet": (b"PAR1 no parquet", r"no\.parquet after row 0"),
    "a.txt": (b"x", "only .jsonl"),
    "schema.jsonl": (
        b'{"question": "a", "answer": "b"}\n',
        r"jsonl:1: unknown schema with the fields question, answer; known are nl_command/bash_code",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_is_not_usable_is_one_line(tmp_path, name):
    data, said = UNUSABLE[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=said) as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*--set sources"):
        read(tmp_path / "none.jsonl")


SHAPES = [
    {"nl_command": "q", "bash_code": "c"},
    {"instruction": "q", "input": "", "output": "c"},
    {"nl": "q", "bash": "c", "tier": "core"},
    {"query": "q", "command": "c"},
    {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "c"},
        ]
    },
]  # fmt: skip


@pytest.mark.parametrize("row", SHAPES, ids=lambda row: next(iter(row)))
def test_known_shapes_are_found_out(tmp_path, row):
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    (pair,) = read(tmp_path / "a.jsonl")
    assert (pair.query, pair.command) == ("q", "c")


def test_other_fields_can_be_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "q", "answer": "c"}')
    (pair,) = read(path, fields={"query": "question", "command": "answer"})
    assert (pair.query, pair.command) == ("q", "c")
    with pytest.raises(
        DataError, match="no fields question and reply; the row has: question, answer"
    ):
        read(path, fields={"query": "question", "command": "reply"})


def test_an_input_is_part_of_the_request(tmp_path):
    row = {"instruction": "count the lines of", "input": "a.txt", "output": "wc -l a.txt"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    assert read(tmp_path / "a.jsonl")[0].query == "count the lines of a.txt"


def test_a_row_says_where_it_is_from_and_otherwise_the_source_does(tmp_path):
    rows = [
        {"query": "a", "command": "b", "id": "7", "source": "tldr", "license": "CC0", "ref": "x"},
        {"query": "a", "command": "b"},
    ]  # fmt: skip
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told, untold = read(path, license="MIT")
    assert told == Pair("7", "a", "b", "tldr", "CC0", "x")
    assert untold.id.startswith("made-")
    assert (untold.source, untold.license, untold.ref) == ("made", "MIT", "2")


def test_rows_are_sampled_dropped_by_field_and_limited(tmp_path):
    rows = [
        {"query": f"q{n}", "command": "c", "tier": "tail" if n % 2 else "core",
         "flags": ["doubt"] if n % 10 == 0 else None}
        for n in range(1000)
    ]  # fmt: skip
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {
        "sample": [{"field": "tier", "value": "tail", "keep": 0.3}],
        "drop_where": [{"field": "flags", "any_of": ["doubt", "other"]}],
    }
    found = read(path, **settings)
    assert len(found) == 1000
    reasons = [row.reason for row in found if isinstance(row, Skipped)]
    assert reasons.count("flags has doubt") == 100
    assert 300 < reasons.count("tier tail sampled down to 0.3") < 400
    assert read(path, **settings) == found
    assert len(read(path, max_rows=10)) == 10
