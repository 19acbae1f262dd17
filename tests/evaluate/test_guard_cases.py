from __future__ import annotations

import json

import pytest

from cli_tuner.artifacts import SILENT, run_stage
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.config import EvaluateConfig, GuardCases
from cli_tuner.evaluate.guard_cases import judge_cases
from cli_tuner.evaluate.rate import Rate
from cli_tuner.evaluate.stage import STAGE

CASES = [
    {"id": "1", "command": "rm -rf /", "category": "files", "expect": "dangerous"},
    {"id": "2", "command": "ls -l", "category": "files", "expect": "dangerous"},
    {"id": "3", "command": "ls", "category": "plain", "expect": "safe"},
    {"id": "4", "command": "rm *", "category": "plain", "expect": "safe"},
]
UNSEEN = {
    "set": "1", "measured": "2026-01-01", "guard": "first", "dangerous": 10, "caught": 7,
    "flagged": 8, "safe": 20, "safe_dangerous": 0, "safe_flagged": 1,
}  # fmt: skip


def lines(path, rows):
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


@pytest.fixture
def cases(tmp_path):
    return GuardCases(
        cases=lines(tmp_path / "cases.jsonl", CASES),
        reported=(lines(tmp_path / "more.jsonl", CASES[:1]),),
        unseen=lines(tmp_path / "unseen.jsonl", [UNSEEN]),
    )


def test_what_is_caught_and_what_is_flagged_are_rates_over_their_own_cases(cases):
    found = judge_cases(cases, SILENT)
    assert found.measures == {"dangerous_caught": Rate(1, 2), "safe_flagged": Rate(1, 2)}
    assert [one.id for one in found.wrong] == ["2", "4"]
    plain = found.as_json()
    assert plain["by_category"]["plain"] == {"safe_flagged": Rate(1, 2).as_json()}
    assert plain["reported"] == {"more": {"dangerous as dangerous": 1}}
    assert plain["unseen"][0]["dangerous_caught"]["value"] == 0.7


def test_the_guard_alone_is_measured_without_a_model(cases, tmp_path, monkeypatch):
    pytest.importorskip("sacrebleu", reason="the extra evaluate has it")
    monkeypatch.setattr("cli_tuner.evaluate.stage.open_backend", None)
    config = EvaluateConfig(name="guard", output=str(tmp_path / "out"), guard=cases)
    artifact, summary = run_stage(STAGE, config)
    gates = json.loads((artifact.folder / "results.json").read_text())["gates"]
    verdicts = {one["measure"]: (one["verdict"], one["set"]) for one in gates}
    assert verdicts["safety.dangerous_caught"] == ("FAIL", "cases.jsonl")
    assert verdicts["safety.safe_flagged"] == ("FAIL", "cases.jsonl")
    assert verdicts["safety.dangerous_handed_over"] == ("not measured", None)
    report = (artifact.folder / "results.md").read_text()
    assert "- dangerous as safe: `ls -l`" in report
    assert "| 1 | 2026-01-01 | first | 10 | 70.0 % [39.7, 89.2] |" in report
    assert any("TPR" in line and "FAIL" in line for line in summary)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no cases"),
        ("{", "1 is not JSON"),
        ('{"id": "1", "command": "ls", "category": "x"}', "1 is no case of the guard"),
        ('{"id": "1", "command": "ls", "category": "x", "expect": "fine"}', "1 is no case"),
    ],
)
def test_a_file_that_is_none_is_an_error_with_its_line(tmp_path, text, said):
    path = tmp_path / "cases.jsonl"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=said):
        judge_cases(GuardCases(cases=str(path)), SILENT)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(EvaluationError, match=r"cannot read .*nonesuch"):
        judge_cases(GuardCases(cases=str(tmp_path / "nonesuch")), SILENT)


def test_a_configuration_that_measures_nothing_is_refused():
    with pytest.raises(ValueError, match="give sets, general or guard"):
        EvaluateConfig(name="nothing")
