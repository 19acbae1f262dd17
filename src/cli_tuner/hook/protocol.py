"""What each agent asks before it runs a command, and the answer it understands.

    agent     event                 the command           deny, ask
    claude    PreToolUse            tool_input.command    permissionDecision
    codex     PreToolUse            tool_input.command    permissionDecision; ask is denied
    gemini    BeforeTool            tool_input.command    decision
    cursor    beforeShellExecution  command               permission

Each reads JSON from our stdout when we end with 0, and blocks when we end with 2, showing stderr.
Any other status lets the command through in all four, which is why none other is ever used.

Sources (November 2026): code.claude.com/docs/en/hooks; developers.openai.com/codex/hooks and
`hooks/src/engine/output_parser.rs` of openai/codex, which runs a command when it is answered
"ask"; `docs/hooks/reference.md` of google-gemini/gemini-cli and its issue 28046 for "ask";
cursor.com/docs/agent/hooks.

Standard library only, and little of it: an agent waits for these imports.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, NamedTuple

from cli_tuner.errors import UsageError

QUESTION_MAX = 8 << 20
"""Bytes of a question. Agents hand over whole heredocs, but not more than this."""


class Agent(StrEnum):
    """The agents that can be asked by, under the name that `hook install` takes."""

    CLAUDE = "claude"
    CODEX = "codex"
    GEMINI = "gemini"
    CURSOR = "cursor"


class Decision(StrEnum):
    """What we say about a command. There is no "allow"."""

    DENY = "deny"
    ASK = "ask"
    SILENT = "silent"


class Question(NamedTuple):
    """One command that an agent is about to run, and the folder it would run in."""

    agent: Agent
    command: str
    folder: str


class Answer(NamedTuple):
    """A decision, the reason for the agent, and what only the person in front of it should read."""

    decision: Decision
    reason: str = ""
    note: str = ""


_SHELLS = frozenset({"Bash", "Monitor", "run_shell_command", "shell", "local_shell"})
_TURN_KEYS = frozenset({"turn_id", "model"})
"""What Codex tells before a tool is used and Claude Code does not."""


def question_in(text: bytes, agent: Agent | None = None) -> Question | None:
    """The command in an agent's question; None if it is about something else than a command.

    Without `agent` the shape of the question tells which it is. Raises UsageError for anything
    that is not such a question: then nobody knows what is about to happen.
    """
    if len(text) > QUESTION_MAX:
        raise UsageError("the question is too large to be judged")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError("the question is not JSON") from error
    if not isinstance(given, dict):
        raise UsageError("the question is not a JSON object")
    agent = agent or _sender(given)
    source: Any = given
    if agent is not Agent.CURSOR:
        if not isinstance(given.get("tool_name"), str):
            raise UsageError("the question names no tool")
        if given["tool_name"] not in _SHELLS:
            return None
        source = given.get("tool_input")
    command = source.get("command") if isinstance(source, dict) else None
    if not isinstance(command, str):
        raise UsageError("the question has no command")
    return Question(agent, command, _folder(given, source))


def _folder(given: dict[str, Any], source: dict[str, Any]) -> str:
    """Where the command would run; empty if it is not said. Gemini names one of its own."""
    folder = given.get("cwd")
    folder = folder if isinstance(folder, str) else ""
    inner = source.get("dir_path") or source.get("directory")
    if isinstance(inner, str) and inner and given is not source:
        return inner if inner.startswith("/") else f"{folder.rstrip('/')}/{inner}"
    return folder


def _sender(given: dict[str, Any]) -> Agent:
    event = given.get("hook_event_name")
    if event == "beforeShellExecution":
        return Agent.CURSOR
    if event == "BeforeTool":
        return Agent.GEMINI
    if event == "PreToolUse":
        return Agent.CODEX if _TURN_KEYS & given.keys() else Agent.CLAUDE
    raise UsageError("the question is of no agent that we know")


def reply_to(agent: Agent, answer: Answer) -> str:
    """What to write to stdout, so that this agent does what the answer says; may be empty."""
    if answer.decision is Decision.SILENT:
        # Gemini and Cursor expect a JSON object; an empty one decides nothing.
        return "{}\n" if agent in (Agent.GEMINI, Agent.CURSOR) else ""
    decision = answer.decision
    if agent is Agent.CODEX:
        decision = Decision.DENY
    made = _REPLIES[agent](decision, answer)
    return f"{json.dumps(made)}\n"


def _as_claude(decision: Decision, answer: Answer) -> dict[str, Any]:
    output = {
        "hookEventName": "PreToolUse",
        "permissionDecision": decision.value,
        "permissionDecisionReason": answer.reason,
    }
    return {"hookSpecificOutput": output} | ({"systemMessage": answer.note} if answer.note else {})


def _as_gemini(decision: Decision, answer: Answer) -> dict[str, Any]:
    message = "\n".join(part for part in (answer.reason, answer.note) if part)
    return {"decision": decision.value, "reason": answer.reason, "systemMessage": message}


def _as_cursor(decision: Decision, answer: Answer) -> dict[str, Any]:
    message = "\n".join(part for part in (answer.reason, answer.note) if part)
    return {
        "permission": decision.value,
        "user_message": message,
        "agent_message": answer.reason,
    }


_REPLIES = {
    Agent.CLAUDE: _as_claude,
    Agent.CODEX: _as_claude,
    Agent.GEMINI: _as_gemini,
    Agent.CURSOR: _as_cursor,
}
