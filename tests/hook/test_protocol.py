"""Each agent's question is understood, and gets an answer in its own form."""

from __future__ import annotations

import json

import pytest

from cli_tuner.errors import UsageError
from cli_tuner.hook.judge import answered
from cli_tuner.hook.protocol import Agent, Answer, Decision, question_in, reply_to

AGENTS = [agent.value for agent in Agent]
REVIEW = "git push --force"
DANGEROUS = "rm -rf /"


@pytest.mark.parametrize("agent", AGENTS)
def test_the_sender_is_known_by_the_form_of_its_question(agent, asking):
    question = question_in(asking(agent, "ls", "/srv/x"))
    assert question == (Agent(agent), "ls", "/srv/x")


@pytest.mark.parametrize("agent", AGENTS)
def test_a_safe_command_gets_no_decision(agent, asking):
    ended = answered(asking(agent, "ls -la"), Agent(agent))
    assert (ended.err, ended.status) == ("", 0)
    assert ended.out.strip() in ("", "{}")


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("command", ["ls", REVIEW, DANGEROUS])
def test_nothing_is_ever_allowed(agent, command, asking):
    out = answered(asking(agent, command), Agent(agent)).out
    assert '"allow"' not in out
    assert '"approve"' not in out


class TestDangerous:
    def test_claude_is_told_to_deny(self, asking):
        told = json.loads(answered(asking("claude", DANGEROUS)).out)
        output = told["hookSpecificOutput"]
        assert output["hookEventName"] == "PreToolUse"
        assert output["permissionDecision"] == "deny"
        assert "CT-DEL-001" in output["permissionDecisionReason"]

    def test_codex_is_told_the_same_and_nothing_that_it_does_not_know(self, asking):
        told = json.loads(answered(asking("codex", DANGEROUS)).out)
        assert told["hookSpecificOutput"]["permissionDecision"] == "deny"
        assert told["hookSpecificOutput"]["permissionDecisionReason"].strip()
        assert set(told) <= {"hookSpecificOutput", "systemMessage"}

    def test_gemini_is_told_to_deny(self, asking):
        told = json.loads(answered(asking("gemini", DANGEROUS)).out)
        assert told["decision"] == "deny"
        assert "CT-DEL-001" in told["reason"]

    def test_cursor_is_told_to_deny(self, asking):
        told = json.loads(answered(asking("cursor", DANGEROUS)).out)
        assert told["permission"] == "deny"
        assert "CT-DEL-001" in told["agent_message"]

    @pytest.mark.parametrize("agent", AGENTS)
    def test_the_code_is_told_to_the_person_and_not_to_the_agent(self, agent, asking):
        told = json.loads(answered(asking(agent, DANGEROUS)).out)
        for_the_person = told.pop("systemMessage", None) or told.pop("user_message")
        assert "allow-once " in for_the_person
        assert "allow-once" not in json.dumps(told)


class TestReview:
    @pytest.mark.parametrize(("agent", "key"), [("gemini", "decision"), ("cursor", "permission")])
    def test_these_can_ask(self, agent, key, asking):
        assert json.loads(answered(asking(agent, REVIEW)).out)[key] == "ask"

    def test_claude_asks(self, asking):
        told = json.loads(answered(asking("claude", REVIEW)).out)
        assert told["hookSpecificOutput"]["permissionDecision"] == "ask"

    def test_codex_cannot_ask_and_would_run_it_so_it_is_denied(self, asking):
        told = json.loads(answered(asking("codex", REVIEW)).out)
        assert told["hookSpecificOutput"]["permissionDecision"] == "deny"
        assert "allow-once" in told["systemMessage"]

    def test_strict_denies(self, asking, monkeypatch):
        monkeypatch.setenv("CLI_TUNER_SAFETY", "strict")
        told = json.loads(answered(asking("claude", REVIEW)).out)
        assert told["hookSpecificOutput"]["permissionDecision"] == "deny"


class TestOurOwnFailures:
    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            b"{}",
            b"[" * 100_000,
            b'{"hook_event_name": "PreToolUse"}',
            b'{"hook_event_name": "PreToolUse", "tool_name": "Bash"}',
            b'{"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": 1}}',
            b'{"hook_event_name": "beforeShellExecution"}',
            b'{"hook_event_name": "SessionStart"}',
        ],
    )
    def test_what_is_no_question_blocks_with_a_reason(self, text):
        ended = answered(text)
        assert ended.status == 2
        assert ended.out == ""
        assert ended.err.startswith("cli-tuner could not judge this command")

    def test_a_defect_of_the_guard_blocks(self, asking, monkeypatch):
        def broken(*_, **__):
            raise RuntimeError("defect")

        monkeypatch.setattr("cli_tuner.guard.check", broken)
        ended = answered(asking("claude", "ls"))
        assert (ended.status, ended.out) == (2, "")
        assert "RuntimeError" in ended.err

    def test_a_policy_that_is_not_valid_blocks(self, asking, tmp_path):
        folder = tmp_path / "project" / ".cli-tuner"
        folder.mkdir(parents=True)
        (folder / "policy.toml").write_text("nonsense = 1\n")
        ended = answered(asking("claude", "ls", str(folder.parent)))
        assert ended.status == 2
        assert "policy.toml" in ended.err

    def test_a_state_folder_that_cannot_be_made_still_denies(self, asking, paths):
        paths.state.parent.mkdir(parents=True)
        paths.state.write_text("")
        told = json.loads(answered(asking("claude", DANGEROUS)).out)
        assert told["hookSpecificOutput"]["permissionDecision"] == "deny"
        assert "systemMessage" not in told


def test_another_tool_is_none_of_our_business(asking):
    question = json.loads(asking("claude", "ls"))
    question["tool_name"] = "Read"
    question["tool_input"] = {"file_path": "/etc/passwd"}
    assert answered(json.dumps(question).encode(), Agent.CLAUDE) == ("", "", 0)


def test_a_command_of_gemini_runs_where_it_says(asking):
    question = json.loads(asking("gemini", "ls", "/srv/app"))
    question["tool_input"]["dir_path"] = "src"
    found = question_in(json.dumps(question).encode())
    assert found is not None
    assert found.folder == "/srv/app/src"


def test_a_project_can_tighten_what_its_agent_may_do(asking, tmp_path):
    folder = tmp_path / "project" / ".cli-tuner"
    folder.mkdir(parents=True)
    (folder / "policy.toml").write_text('[[tighten]]\nrule = "CT-STA-001"\nlevel = "dangerous"\n')
    told = json.loads(answered(asking("claude", REVIEW, str(folder.parent))).out)
    assert told["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_control_characters_of_a_command_do_not_reach_the_person(asking):
    told = answered(asking("claude", "rm -rf / #\x1b[2J")).out
    assert "\\u001b" not in told
    assert "u{1b}" in told


def test_a_question_that_is_too_large_is_refused():
    with pytest.raises(UsageError, match="too large"):
        question_in(b" " * (9 << 20))


@pytest.mark.parametrize("agent", list(Agent))
def test_silence_is_what_the_agent_takes_for_no_decision(agent):
    reply = reply_to(agent, Answer(Decision.SILENT))
    assert reply == ("{}\n" if agent in (Agent.GEMINI, Agent.CURSOR) else "")
