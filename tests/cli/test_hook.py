"""`cli-tuner hook` as an agent and as a person runs it."""

from __future__ import annotations

import json
import re

import pytest

BASH = {"hook_event_name": "PreToolUse", "tool_name": "Bash", "cwd": "/srv/app"}
COMMANDS = {"safe": "git status", "review": "git push --force", "dangerous": "rm -rf /"}


def question(command):
    return json.dumps({**BASH, "tool_input": {"command": command}}).encode()


def test_run_answers_on_stdout_and_says_nothing_else(cli):
    silent = cli("hook", "run", "claude", stdin=question("git status"))
    assert (silent.status, silent.out, silent.err) == (0, "", "")
    ask = cli("hook", "run", "claude", stdin=question("git push --force"))
    assert ask.document["hookSpecificOutput"]["permissionDecision"] == "ask"
    deny = cli("hook", "run", stdin=question("rm -rf /"))
    assert deny.document["hookSpecificOutput"]["permissionDecision"] == "deny"


@pytest.mark.parametrize("arguments", [("run", "klaud"), ("run", "claude", "--explode"), ("walk",)])
def test_a_wrong_call_blocks_too(cli, arguments):
    ended = cli("hook", *arguments, stdin=question("ls"))
    assert ended.status == 2
    assert ended.err


def test_configuration_that_is_wrong_blocks(cli):
    ended = cli("hook", "run", "claude", stdin=question("ls"), CLI_TUNER_SAFETY="lax")
    assert (ended.status, ended.out) == (2, "")
    assert "CLI_TUNER_SAFETY" in ended.err


def test_install_status_and_uninstall(cli, tmp_path):
    shown = cli("hook", "install", "claude", "--dry-run")
    assert '+            "command": "' in shown.out
    assert not (tmp_path / ".claude").exists()
    assert cli("hook", "install", "claude").status == 0
    assert cli("hook", "install", "claude").status == 0
    agents = cli("hook", "status", "--json").document["agents"]
    assert [name for name, agent in agents.items() if agent["installed"]] == ["claude"]
    assert "not installed" in cli("hook", "status").out
    assert cli("hook", "uninstall", "claude").status == 0
    assert (tmp_path / ".claude" / "settings.json").read_text() == "{}\n"


def test_install_into_a_project(cli, tmp_path):
    assert cli("hook", "install", "cursor", "--project", str(tmp_path / "p")).status == 0
    assert (tmp_path / "p" / ".cursor" / "hooks.json").exists()


def test_install_needs_an_agent(cli):
    ended = cli("hook", "install")
    assert ended.status == 2
    assert "claude, codex, gemini, cursor" in ended.err


class TestAllowOnce:
    @pytest.fixture
    def code(self, cli):
        told = cli("hook", "run", "claude", stdin=question("rm -rf /")).document
        return re.search(r"allow-once (\w+)", told["systemMessage"])[1]

    def test_a_person_says_yes_on_the_terminal(self, cli, on_terminal, code):
        ended = on_terminal(["hook", "allow-once", code], [("type yes:", "yes\n")])
        assert ended.status == 0
        assert "rm -rf /" in ended.terminal
        assert "CT-DEL-001" in ended.terminal
        assert cli("hook", "run", "claude", stdin=question("rm -rf /")).out == ""
        assert "deny" in cli("hook", "run", "claude", stdin=question("rm -rf /")).out

    def test_anything_else_leaves_it_blocked(self, cli, on_terminal, code):
        ended = on_terminal(["hook", "allow-once", code], [("type yes:", "y\n")])
        assert ended.status == 130
        assert "deny" in cli("hook", "run", "claude", stdin=question("rm -rf /")).out

    def test_nobody_but_a_person_may(self, cli, code):
        ended = cli("hook", "allow-once", code, stdin=b"yes\n")
        assert ended.status == 2
        assert "by a person on a terminal" in ended.err

    def test_a_code_that_is_none_is_one_line(self, on_terminal):
        ended = on_terminal(["hook", "allow-once", "AAAAAAAA"])
        assert ended.status == 2
        assert "no blocked command" in ended.terminal
