from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cli_tuner.errors import ConfigError
from cli_tuner.evaluate.execution.judge import Judgement
from cli_tuner.evaluate.execution.task import read_tasks
from cli_tuner.evaluate.execution.validation import (
    Found,
    Known,
    crossed,
    found_for,
    read_pairs,
    table,
    wrong,
)

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
PAIRS = read_pairs(BENCHMARKS / "equivalence" / "pairs.yaml")


def test_there_are_enough_pairs_and_none_twice():
    counts = Counter(pair.kind for pair in PAIRS)
    assert counts["same"] >= 100 and counts["different"] >= 100
    assert len({(pair.reference, pair.candidate) for pair in PAIRS}) == len(PAIRS)


def test_crossed_pairs_are_of_different_tasks_and_half_of_them_near():
    tasks = read_tasks(BENCHMARKS / "nl2bash_exec" / "tasks")
    pairs = crossed(tasks, 20)
    assert pairs == crossed(tasks, 20)
    assert len(pairs) == 20
    assert not any(pair.same for pair in pairs)


def test_the_table_counts_what_is_not_decided_apart():
    said = [
        ("same", "equivalent"),
        ("same", "different"),
        ("same", "undecidable"),
        ("different", "different"),
        ("different", "equivalent"),
        ("other task", "different"),
    ]
    found = [Found(Known("a", "b", kind), Judgement(answer, "")) for kind, answer in said]
    text = table(found)
    assert "| same | 3 | 1 | 1 | 1 |" in text
    assert "precision 1/2 = 50.0%" in text
    assert "recall 1/2 = 50.0%" in text
    assert "different but called equivalent 1/3 = 33.3%" in text
    assert "decided 5/6" in text
    assert len(wrong(found)) == 3


def test_a_file_of_another_shape_is_refused(tmp_path):
    (tmp_path / "p.yaml").write_text("same: []\n")
    with pytest.raises(ConfigError, match="same and different"):
        read_pairs(tmp_path / "p.yaml")


@pytest.mark.usefixtures("isolated")
def test_some_pairs_are_judged_as_a_person_would():
    found = found_for((PAIRS[0], PAIRS[-1]))
    assert [one.judgement.answer for one in found] == ["equivalent", "different"]


@pytest.mark.exhaustive
@pytest.mark.usefixtures("isolated")
@pytest.mark.timeout(900)
def test_the_judge_is_as_good_as_the_document_says():
    found = found_for(PAIRS, processes=2)
    decided = [one for one in found if one.judgement.answer != "undecidable"]
    right = [(one.judgement.answer == "equivalent") is one.known.same for one in decided]
    assert sum(right) / len(right) >= 0.97
    assert len(decided) / len(found) >= 0.95
