"""Agent-style commands: none blocked that should pass, none passed that should not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cli_tuner.hook.judge import answer_to
from cli_tuner.hook.protocol import Agent, Question

TABLE = yaml.safe_load(Path(__file__).with_name("agent_commands.yaml").read_text("utf-8"))
CASES = [(command, decision) for decision, commands in TABLE.items() for command in commands]
NAMES = [command.partition("\n")[0][:60] for command, _ in CASES]


def test_there_are_a_hundred():
    assert len(CASES) >= 100
    assert set(TABLE) == {"silent", "ask", "deny"}


@pytest.mark.parametrize(("command", "decision"), CASES, ids=NAMES)
def test_a_command_of_an_agent(command, decision):
    answer = answer_to(Question(Agent.CLAUDE, command, "/srv/app"))
    assert answer.decision == decision, answer.reason
