from __future__ import annotations

import gzip
import json

import pytest

from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.config import ItemSet
from cli_tuner.evaluate.rows import read_set


def the_set(path, **fields):
    return ItemSet.model_validate({"name": "own", "path": str(path), **fields})


def test_the_usual_names_of_fields_are_understood(tmp_path, rows_file):
    rows = read_set(the_set(rows_file), 7).rows
    assert [row.id for row in rows] == ["a", "b", "c", "d", "e"]
    assert rows[0].stratum == "own/core"
    assert rows[2].stratum == "other"
    assert rows[2].references == ("date", "date +%c")
    other = tmp_path / "other.jsonl.gz"
    with gzip.open(other, "wt") as file:
        file.write(
            '{"prompt": "list files", "command": "ls"}\n\n{"query": "ask", "references": []}\n'
        )
    made = read_set(the_set(other), 7).rows
    assert [row.references for row in made] == [("ls",), ()]
    assert made[0].stratum == "all"
    assert len({row.id for row in made}) == 2


def test_a_smaller_choice_is_part_of_a_larger_one_and_depends_on_the_seed(tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text("".join(f'{{"nl": "task {n}", "bash": "x {n}"}}\n' for n in range(200)))

    def ids(limit, seed):
        return [row.id for row in read_set(the_set(path, limit=limit), seed).rows]

    assert len(ids(20, 7)) == 20
    assert set(ids(20, 7)) < set(ids(50, 7))
    assert ids(20, 7) != ids(20, 8)
    assert ids(200, 7) == ids(None, 7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows"),
        ("nonsense", r":1 is not JSON"),
        ("[1]", r":1 is no JSON object"),
        ('{"bash": "ls"}', r":1 has no request; call it query"),
        ('{"nl": "a", "bash": 3}', "a command is no text"),
        ('{"id": 1, "nl": "a"}\n{"id": 1, "nl": "b"}', 'two rows have the id "1"'),
    ],
)
def test_a_file_that_is_no_set_is_said_in_one_line(tmp_path, text, said):
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=said):
        read_set(the_set(path), 7)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(EvaluationError, match="cannot read"):
        read_set(the_set(tmp_path / "none.jsonl"), 7)
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(json.dumps({"nl": "x"}).encode() + b"\xe9")
    with pytest.raises(EvaluationError, match="not UTF-8"):
        read_set(the_set(latin), 7)
