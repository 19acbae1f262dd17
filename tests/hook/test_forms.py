"""Questions and answers have the forms that the agents' own documents and sources give them.

And each agent in turn, as far as a hook can tell: its settings are read, the line that stands there
is run by a shell, and what comes back is taken as this agent takes it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cli_tuner.hook.install import command_for, installing, settings_file, write
from cli_tuner.hook.judge import answered
from cli_tuner.hook.protocol import Agent

FORMS = yaml.safe_load(Path(__file__).with_name("forms.yaml").read_text("utf-8"))
COMMANDS = {
    "safe": "git status",
    "review": "git push --force",
    "dangerous": "git commit -m \"$(cat <<'EOF'\nfix\nEOF\n)\" && rm -rf /",
}


@pytest.fixture(params=list(Agent))
def agent(request: pytest.FixtureRequest) -> Agent:
    return request.param


def test_the_questions_of_these_tests_are_the_agents(agent, asking):
    jsonschema.validate(json.loads(asking(agent.value, "ls -la")), FORMS[agent]["question"])


@pytest.mark.parametrize("safety", ["moderate", "strict"])
@pytest.mark.parametrize("level", ["review", "dangerous"])
def test_every_objection_is_one_that_the_agent_understands(
    agent, asking, level, safety, monkeypatch
):
    monkeypatch.setenv("CLI_TUNER_SAFETY", safety)
    out = answered(asking(agent.value, COMMANDS[level])).out
    jsonschema.validate(json.loads(out), FORMS[agent]["answer"])


class TestAsTheAgentDoes:
    """`taken` is written from the agents' documents: it is the client's side of the protocol."""

    @pytest.fixture
    def run(self, agent, asking, home):
        """`run("ls")`: what becomes of a command once `hook install` was run."""
        path = settings_file(agent, os.environ)
        write(installing(agent, path))

        def run(command: str, program: str | None = None) -> str:
            (line,) = _lines(agent, json.loads(path.read_text("utf-8")))
            if program is not None:
                line = line.replace("/bin/cli-tuner", program)
            done = subprocess.run(
                ["/bin/sh", "-c", line],
                input=asking(agent.value, command, str(home)),
                capture_output=True,
                timeout=60,
                check=False,
            )
            return taken(agent, done.returncode, done.stdout.decode())

        return run

    def test_each_verdict_has_its_consequence(self, agent, run):
        asked = "blocked" if agent is Agent.CODEX else "asked"
        found = {level: run(command) for level, command in COMMANDS.items()}
        assert found == {"safe": "as usual", "review": asked, "dangerous": "blocked"}

    def test_without_our_program_nothing_runs(self, agent, run):
        assert "/bin/cli-tuner" in command_for(agent)
        assert run("ls", program="/bin/gone") == "blocked"


def _lines(agent: Agent, settings: dict[str, Any]) -> list[str]:
    """The commands that the agent would run before the tool that runs shell commands."""
    if agent is Agent.CURSOR:
        assert settings["version"] == 1
        return [one["command"] for one in settings["hooks"]["beforeShellExecution"]]
    event, tool = {
        Agent.CLAUDE: ("PreToolUse", "Bash"),
        Agent.CODEX: ("PreToolUse", "Bash"),
        Agent.GEMINI: ("BeforeTool", "run_shell_command"),
    }[agent]
    return [
        handler["command"]
        for group in settings["hooks"][event]
        if re.fullmatch(group["matcher"], tool)
        for handler in group["hooks"]
        if handler["type"] == "command"
    ]


def taken(agent: Agent, status: int, out: str) -> str:
    """What the agent does: blocked, asked, or as usual, by its own permissions."""
    if status == 2:
        return "blocked"
    if status != 0:
        return "as usual"  # a failure of the hook lets the command through
    try:
        told = json.loads(out) if out.strip() else {}
    except ValueError:
        return "as usual"
    if agent is Agent.CURSOR:
        decision = told.get("permission")
    elif agent is Agent.GEMINI:
        decision = told.get("decision")
    else:
        output = told.get("hookSpecificOutput", {})
        decision = output.get("permissionDecision")
        if agent is Agent.CODEX and not output.get("permissionDecisionReason", "").strip():
            decision = None
        if agent is Agent.CODEX and decision == "ask":
            decision = None
    return {"deny": "blocked", "block": "blocked", "ask": "asked"}.get(decision, "as usual")
