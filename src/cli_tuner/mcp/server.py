"""The tools of the MCP server, as the SDK wants them. The SDK is imported when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli_tuner import __version__
from cli_tuner.boundaries.api import acheck, agenerate
from cli_tuner.boundaries.terminal import visible
from cli_tuner.errors import CliTunerError, ExtraMissing
from cli_tuner.explain import explanation
from cli_tuner.guard import load_policy
from cli_tuner.records import CommandResponse, Verdict
from cli_tuner.records.verdict import Safety
from cli_tuner.settings import Paths, current_folder, load_settings

if TYPE_CHECKING:
    from mcp.server import MCPServer

_INSTRUCTIONS = (
    "Turns sentences into one bash command, and judges bash commands before they run."
    " A command whose level is dangerous must not be run; one of level review needs a person."
)


def server() -> MCPServer[Any]:
    """The server with its tools. Raises ExtraMissing if the SDK is not installed."""
    try:
        from mcp.server import MCPServer
        from mcp.types import ToolAnnotations
    except ImportError as error:
        raise ExtraMissing(
            "the MCP server needs packages that are not here",
            hint="install them with: pip install 'cli-tuner[mcp]'",
        ) from error
    made: MCPServer[Any] = MCPServer(
        "cli-tuner",
        title="cli-tuner",
        instructions=_INSTRUCTIONS,
        version=__version__,
        log_level="WARNING",
    )
    reading = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
    for tool in (generate_command, check_command, explain_command):
        made.tool(annotations=reading, structured_output=True)(tool)
    return made


async def generate_command(query: str, candidates: int = 1) -> dict[str, Any]:
    """One bash command for a request in English (3 to 500 characters), with a verdict on it.

    It is not run. `command` is null if it was refused; then `refusal` says why. `candidates` (1
    to 8) asks for alternatives.
    """
    try:
        return _as_answer(await agenerate(query, candidates=candidates))
    except CliTunerError as error:
        return {"command": None, "refusal": str(error), "code": type(error).__name__}


async def check_command(command: str, folder: str = "") -> dict[str, Any]:
    """A verdict on one bash command or script: safe, review or dangerous, with its reasons.

    Nothing is run. `folder` is where it would run: that project's policy is in force.
    """
    settings = load_settings()
    policy = load_policy(Paths.of(), folder or current_folder())
    safety = Safety(settings.safety)
    verdict = await acheck(command, safety=safety, policy=policy, folder=folder)
    return _as_verdict(verdict)


async def explain_command(command: str) -> dict[str, Any]:
    """What each part of a bash command does, what it would do as a whole, and the verdict.

    Nothing is run, and no model is asked.
    """
    import asyncio

    found = await asyncio.to_thread(explanation, command)
    return {
        "parts": [
            {
                "text": command[part.start : part.end],
                "meaning": part.meaning,
                "depth": part.depth,
            }
            for part in found.parts
        ],
        "effects": [effect.as_json() for effect in found.verdict.effects],
        **_as_verdict(found.verdict),
    }


def _as_answer(answer: CommandResponse) -> dict[str, Any]:
    refusal = answer.refusal
    return {
        "command": answer.command,
        "refusal": None if refusal is None else visible(refusal.message),
        "code": None if refusal is None else refusal.code.value,
        "alternatives": [
            {"command": other.command, "level": other.verdict.level.value}
            for other in answer.alternatives
        ],
        **({} if answer.verdict is None else _as_verdict(answer.verdict)),
    }


def _as_verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "level": verdict.level.value,
        "summary": verdict.summary,
        "permitted": verdict.policy.permits(verdict.level),
        "reasons": [
            {
                "rule": reason.rule_id,
                "level": reason.level.value,
                "message": reason.message,
                "instead": reason.instead,
            }
            for reason in verdict.reasons
        ],
    }
