"""Policy files as the program obeys them: `check`, `generate`, `rules` and `doctor`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ALLOW = '[[allow]]\nrule = "CT-DEL-008"\npath = "/srv/x/**"\nwhy = "mine"\n'
TIGHTEN = '[[tighten]]\nrule = "CT-DEL-008"\nlevel = "dangerous"\n'
DELETE = "rm -rf /srv/x/a"
RULE = """\
id: CT-USR-001
name: read-ledger
severity: high
level: review
attack: [T1005]
match: {effect: read, target: ["*.ledger"]}
message: "Reads the ledger {target}."
examples: {review: ["cat a.ledger"], safe: ["cat a.txt"]}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def write(home: Path, project: Path):
    def make(kind: str, text: str, rule: str | None = None) -> Path:
        folder = {"user": home / "config", "system": home / "system"}.get(
            kind, project / ".cli-tuner"
        )
        folder.mkdir(parents=True, exist_ok=True)
        if rule is not None:
            (folder / "ledger.yaml").write_text(rule)
        (folder / "policy.toml").write_text(text)
        return folder / "policy.toml"

    return make


def test_check_allows_what_the_user_allows_and_says_so(cli, write):
    assert cli("check", DELETE).status == 10
    write("user", ALLOW)
    ended = cli("check", DELETE)
    assert ended.status == 0
    assert "allowed below /srv/x/**: mine" in ended.out
    assert cli("check", DELETE + " /srv/y/a").status == 10


def test_a_project_raises_what_check_says(cli, write):
    write("project", TIGHTEN)
    assert cli("check", DELETE).status == 11
    line = json.dumps({"id": 1, "command": DELETE}).encode()
    assert json.loads(cli("check", "--jsonl", stdin=line).out)["verdict"] == "dangerous"


def test_lines_do_not_name_rules_that_are_allowed(cli, write):
    write("user", ALLOW)
    line = json.dumps({"id": 1, "command": DELETE}).encode()
    result = json.loads(cli("check", "--jsonl", stdin=line).out)
    assert (result["verdict"], result["rules"]) == ("safe", [])


@pytest.mark.parametrize(
    "arguments",
    [["check", "ls"], ["check", "--jsonl"], ["rules"], ["generate", "--no-daemon", "list files"]],
)
def test_an_invalid_policy_stops_every_command(cli, write, arguments):
    path = write("project", "alow = 1")
    ended = cli(*arguments, stdin=b'{"id": 1, "command": "ls"}')
    assert (ended.status, ended.out) == (12, "")
    assert f"{path}: unknown key" in ended.err


def test_an_answer_is_judged_by_the_policy_in_force(generate, write):
    assert generate("remove it", answer=DELETE).status == 0
    write("project", TIGHTEN)
    ended = generate("remove it", answer=DELETE)
    assert (ended.status, ended.out) == (11, "")


def test_a_policy_makes_an_answer_strict(generate, write):
    write("project", 'safety = "strict"\n')
    ended = generate("--json", "remove it", answer=DELETE)
    assert (ended.status, ended.document["safety"]) == (10, "strict")
    assert ended.document["verdict"]["policy"] == "strict"


def test_an_answer_shows_no_warning_for_what_is_allowed(generate, write):
    write("user", ALLOW)
    ended = generate("remove it", answer=DELETE)
    assert (ended.status, ended.out) == (0, f"{DELETE}\n")
    assert "CT-DEL-008" not in ended.err


def test_rules_lists_what_policies_add_allow_and_raise(cli, write):
    write("user", 'rules = ["ledger.yaml"]\n' + ALLOW, RULE)
    out = cli("rules").out
    assert "CT-USR-001  review" in out
    assert "(user policy)" in out
    assert "CT-DEL-008  allowed for /srv/x/** (user policy): mine" in out
    write("project", TIGHTEN)
    out = cli("rules").out
    assert "CT-DEL-008  dangerous" in out
    assert "CT-DEL-008  allow overruled for /srv/x/**" in out
    document = cli("rules", "--json").document
    assert document["policy"]["allows"][0]["holds"] is False
    assert [file["kind"] for file in document["policy"]["files"]] == ["user", "project"]


def test_an_added_rule_is_shown_and_tested_like_others(cli, write):
    write("user", 'rules = ["ledger.yaml"]\n', RULE)
    assert "ledger.yaml" in cli("rules", "show", "read-ledger").out
    assert cli("rules", "test", "CT-USR-001").status == 0
    write("user", 'rules = ["ledger.yaml"]\n', RULE.replace("cat a.txt", "cat b.ledger"))
    assert cli("rules", "test", "CT-USR-001").status == 12


def test_doctor_reports_the_files_in_force(cli, write):
    assert "no files" in cli("doctor").out
    user = write("user", ALLOW)
    project = write("project", TIGHTEN)
    out = cli("doctor").out
    assert f"user {user}" in out
    assert f"project {project}" in out
    assert "is overruled by another file" in out
    write("project", "x = 1")
    findings = cli("doctor", "--json").document["findings"]
    assert [f["state"] for f in findings if f["part"] == "policy"] == ["fail"]


def test_a_folder_that_was_removed_is_no_obstacle(cli, project, tmp_path, monkeypatch):
    (project / ".git").rmdir()
    project.rmdir()
    assert cli("check", "ls", PYTHONPATH="").status == 0


def test_the_version_names_the_policy_in_force(cli, write):
    before = cli("--version").out
    write("project", TIGHTEN)
    assert cli("--version").out != before
    write("project", "x = 1")
    ended = cli("--version")
    assert ended.status == 0
    assert 'unknown key "x"' in ended.out
