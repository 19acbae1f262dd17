"""Agents' questions, each in the form in which its agent asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_tuner.settings import Paths


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, for our files and for the agents'."""
    monkeypatch.setenv("CLI_TUNER_HOME", str(tmp_path / "ours"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "CLI_TUNER_SAFETY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def paths(home: Path) -> Paths:
    return Paths.of()


@pytest.fixture
def asking() -> Callable[..., bytes]:
    """`asking("claude", "ls")`: the bytes that this agent would write to our stdin."""

    def made(agent: str, command: str, folder: str = "/srv/app") -> bytes:
        question: dict[str, Any] = {"session_id": "s1", "cwd": folder}
        if agent == "cursor":
            question |= {
                "hook_event_name": "beforeShellExecution",
                "conversation_id": "c1",
                "generation_id": "g1",
                "workspace_roots": [folder],
                "command": command,
            }
        elif agent == "gemini":
            question |= {
                "hook_event_name": "BeforeTool",
                "transcript_path": "/srv/t.json",
                "timestamp": "2026-11-22T10:00:00Z",
                "tool_name": "run_shell_command",
                "tool_input": {"command": command, "description": "..."},
            }
        else:
            question |= {
                "hook_event_name": "PreToolUse",
                "transcript_path": "/srv/t.jsonl",
                "permission_mode": "default",
                "tool_name": "Bash",
                "tool_use_id": "t1",
                "tool_input": {"command": command},
            }
            if agent == "codex":
                question |= {"turn_id": "1", "model": "m"}
        return json.dumps(question).encode()

    return made
