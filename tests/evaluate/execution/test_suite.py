from __future__ import annotations

import pytest

from cli_tuner.evaluate.execution import suite
from cli_tuner.evaluate.suite import Context, Item, checked, load_suite

ROW = {
    "id": "x", "query": "show a.txt", "references": ["cat a.txt"], "area": "a", "half": "dev",
    "tree": [["a.txt", "one\n"]], "setup": [], "each": [], "wrong": ["ls", "true"], "see": "",
}  # fmt: skip


def item(command: str | None, *references: str, row: dict | None = None) -> Item:
    return Item("s", f"id {command}", "show a.txt", references, "a", command or "", command, "safe",
                None, "stop", -0.1, 1.0, row or {})  # fmt: skip


@pytest.mark.usefixtures("isolated")
def test_tasks_are_passed_failed_or_undecided(tmp_path):
    items = [item(each, "cat a.txt", row=ROW) for each in ("head a.txt", "ls", None)]
    items.append(item("true", "x", row={"id": "no task"}))
    found = checked(load_suite("execution")(items, Context(tmp_path)), items)
    assert [one.measures["passed"] for one in found.outcomes] == [True, False, False, None]
    assert found.outcomes[2].detail == "no command"
    assert found.notes == (
        "1 of 4 are undecidable. a row is no task of the execution benchmark: KeyError: 1.",
    )


@pytest.mark.usefixtures("isolated")
def test_one_of_several_references_is_enough(tmp_path):
    given = [
        ("sort a.txt", ("cat a.txt", "sort ./a.txt"), True),
        ("rev a.txt", ("cat a.txt", "sort a.txt"), False),
        ("ls", ("ping x.example", "cat a.txt"), None),
        (None, ("cat a.txt",), False),
        (None, ("ping x.example",), None),
        ("ls", (), None),
    ]
    items = [item(command, *references) for command, references, _ in given]
    found = suite.judge_equivalence(items, Context(tmp_path))
    assert [one.measures["equivalent"] for one in found.outcomes] == [right for *_, right in given]
    assert "3 of 6 are undecidable" in found.notes[0]


def test_without_a_sandbox_nothing_is_decided_and_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "reason_it_cannot_run", lambda: "bubblewrap is not installed")
    found = suite.judge_tasks([item("ls", row=ROW)], Context(tmp_path))
    assert found.outcomes[0].measures == {"passed": None}
    assert found.outcomes[0].label == "no sandbox"
    assert found.notes == ("Nothing was run: bubblewrap is not installed.",)
