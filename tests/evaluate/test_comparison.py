from __future__ import annotations

import json

import pytest

from cli_tuner.artifacts import run_stage
from cli_tuner.cli.main import main
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.comparison import compare, written
from cli_tuner.evaluate.stage import STAGE

pytest.importorskip("sacrebleu", reason="the extra evaluate has it")


@pytest.fixture
def two(config, backend):
    """A run, and a later one in which one answer is better and one worse."""
    before, _ = run_stage(STAGE, config)
    backend._answers = {
        **backend._answers, "count lines of f": "wc -l f", "list all files": "ls -l"
    }  # fmt: skip
    after, _ = run_stage(STAGE, config.model_copy(update={"name": "later"}))
    return before.folder, after.folder


def test_the_same_items_are_paired_and_changes_are_listed(two):
    found = compare(*two)
    one = next(pair for pair in found.pairs if pair.measure == "exact_canonical")
    assert (one.fixed, one.broken) == (("b",), ("a",))
    assert (one.before.hits, one.after.hits, one.before.n) == (3, 3, 5)
    assert one.p == 1.0
    text = written(found)
    assert "fixed (1)" in text
    assert "broken (1)" in text
    assert "- after: `wc -l f`" in text


def test_sets_with_other_rows_are_not_compared(two, config, rows_file, backend):
    rows_file.write_text(rows_file.read_text().replace("hello", "hullo"))
    backend._answers["say hullo"] = "echo hullo"
    other, _ = run_stage(STAGE, config.model_copy(update={"name": "other"}))
    with pytest.raises(EvaluationError, match="no set with the same rows"):
        compare(two[0], other.folder)


def test_a_folder_without_an_evaluation_is_said(two, tmp_path):
    with pytest.raises(EvaluationError, match="holds no evaluation"):
        compare(two[0], tmp_path)


def test_the_command_line_compares(two, tmp_path, capsys):
    folders = [str(folder) for folder in two]
    assert main(["run", "compare", *folders, "--out", str(tmp_path / "c")]) == 0
    assert "McNemar" in capsys.readouterr().out
    document = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert {pair["measure"] for pair in document["pairs"]} >= {"exact", "syntax"}
    assert main(["run", "compare", folders[0]]) == 2
    assert main(["run", "evaluate", *folders]) == 2
    assert main(["run", "data", folders[0], "--model", "fast"]) == 2
