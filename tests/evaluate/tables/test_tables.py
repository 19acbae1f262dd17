from __future__ import annotations

import json
from shutil import copytree

import pytest

from cli_tuner.artifacts import run_stage
from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate import stage
from cli_tuner.evaluate.config import EvaluateConfig
from cli_tuner.evaluate.stage import STAGE
from cli_tuner.evaluate.tables.__main__ import BEGIN, END, main, put_into, tables
from cli_tuner.evaluate.tables.measured import read_all

pytest.importorskip("sacrebleu", reason="the extra evaluate has it")
BASE = {
    "list all files": "ls",
    "count lines of f": "wc -w f",
    "show the date": "date +%c",
    "delete everything": "rm -rf /",
    "say hello": "Sorry.",
}
ROWS = [
    {"id": "a", "nl": "list all files", "bash": "ls -la", "source": "own", "tier": "core"},
    {"id": "b", "nl": "count lines of f", "bash": "wc -l f", "source": "own", "tier": "core"},
    {"id": "c", "nl": "show the date", "bash": "date +%c", "source": "other"},
    {"id": "d", "nl": "delete everything", "bash": "rm -rf /", "source": "other"},
    {"id": "e", "nl": "say hello", "bash": "echo hello", "source": "other"},
]
TUNED = {**BASE, "list all files": "ls -la", "count lines of f": "wc -l f", "show the date": "cal"}


class Known(ScriptedBackend):
    """A scripted model with weights of a name, and maybe an adapter."""

    def __init__(self, answers, adapter=None):
        super().__init__(answers)
        self.adapter = adapter

    @property
    def identity(self):
        own = {"sha256": "a" * 64, "adapter": self.adapter}
        if self.adapter:
            own["adapter_sha256"] = "b" * 64
        return super().identity.model_copy(update=own)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A base model's evaluation, a tuned one's, and the guard's alone."""
    room = tmp_path_factory.mktemp("tables")
    (room / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    cases = room / "cases.jsonl"
    cases.write_text('{"id": "1", "command": "ls", "category": "x", "expect": "dangerous"}\n')
    sets = [{"name": "own", "path": str(room / "rows.jsonl")}]
    runs = {
        "base": (Known(BASE), {"sets": sets}),
        "tuned": (Known(TUNED, "mine"), {"sets": sets}),
        "guard": (None, {"guard": {"cases": str(cases)}}),
    }
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cli_tuner.evaluate.report.draw", lambda *_: {})
        for name, (backend, given) in runs.items():
            patch.setattr(stage, "open_backend", lambda *_, it=backend: it)
            config = EvaluateConfig.model_validate({"name": name, "output": str(room), **given})
            found.append(run_stage(STAGE, config)[0].folder)
    return found


def test_a_tuned_model_is_compared_with_the_base_of_the_same_weights(folders):
    base, tuned, guard = read_all(folders)
    assert (base.base, guard.base) == (None, None)
    assert tuned.base is not None
    assert tuned.base.name == "base"
    pair = tuned.paired["own", "domain", "exact"]
    assert (pair.fixed, pair.broken, pair.p) == (("a", "b"), ("c",), 1.0)


def test_each_set_has_a_row_for_each_model_with_intervals_and_p(folders):
    text = tables(folders)
    rows = {line.split(" | ")[0]: line for line in text.splitlines() if line.startswith("| ")}
    head = next(line for line in text.splitlines() if "| exact |" in line)
    place = head.split(" | ").index("exact")
    own = text.partition("### own")[2].partition("###")[0].splitlines()
    cells = {line.split(" | ")[0]: line.split(" | ")[place] for line in own if " | 5 | " in line}
    assert cells == {
        "| base": "40.0 % [11.8, 76.9]",
        "| tuned": "60.0 % [23.1, 88.2]; +2 -1, p 1",
    }
    assert rows["| own/core"].endswith("| 0.0 % [0.0, 65.8], n 2 | 100.0 % [34.2, 100.0], n 2 |")


def test_gates_stand_as_they_are_for_each_evaluation(folders):
    gates = tables(folders).partition("### Gates")[2].partition("###")[0]
    assert "| gate | condition | set | base | tuned | guard |" in gates
    (exact,) = [line for line in gates.splitlines() if line.startswith("| exact match")]
    assert exact.split(" | ")[2:] == [
        "own", "**FAIL**, 40.0 % [11.8, 76.9]", "**FAIL**, 60.0 % [23.1, 88.2]", "not measured |",
    ]  # fmt: skip
    (caught,) = [line for line in gates.splitlines() if "TPR" in line]
    assert "| not measured | not measured | **FAIL**, 0.0 % [0.0, 79.3] |" in caught
    assert "| drop on general benchmarks | ≤ 5 points |  | not measured |" in gates


def test_the_tables_are_replaced_between_the_markers_and_nothing_else(folders, tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"# Head\n\n{BEGIN}\nold\n{END}\n\nTail\n")
    paths = [str(folder) for folder in folders]
    assert main([*paths, "--into", str(path)]) == 0
    once = path.read_text()
    assert once == f"# Head\n\n{BEGIN}\n\n{tables(folders)}\n{END}\n\nTail\n"
    assert main([*paths, "--into", str(path)]) == 0
    assert path.read_text() == once


@pytest.mark.parametrize("text", ["nothing", f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_page_without_one_place_for_them_is_left_alone(tmp_path, text):
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(EvaluationError, match="does not have one place for the tables"):
        put_into(path, "tables\n")
    assert path.read_text() == text


def test_what_is_no_evaluation_is_an_error_and_no_traceback(tmp_path, capsys, folders):
    assert main([str(tmp_path / "nonesuch")]) == 1
    assert "cannot read" in capsys.readouterr().err
    (tmp_path / "results.json").write_text(json.dumps({"name": "x"}))
    with pytest.raises(EvaluationError, match="holds no evaluation"):
        tables([tmp_path])
    with pytest.raises(EvaluationError, match='two evaluations have the name "base"'):
        tables([folders[0], folders[0]])


def test_general_benchmarks_are_a_table_with_what_is_missing(folders, tmp_path):
    copies = [copytree(folder, tmp_path / folder.name) for folder in folders]
    path = copies[1] / "results.json"
    results = json.loads(path.read_text())
    results["general"] = {
        "tasks": {"cli_tuner_sums": {"hits": 13, "n": 20}},
        "missing": {"gsm8k": "the data of gsm8k cannot be had here"},
        "drop_points": None,
    }
    path.write_text(json.dumps(results))
    (row,) = [line for line in tables(copies).splitlines() if "65.0 %" in line]
    assert row.split(" | ")[1:] == [
        "65.0 % [43.3, 81.9], n 20", "the data of gsm8k cannot be had here", "not measured |",
    ]  # fmt: skip
