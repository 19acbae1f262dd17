"""One question of an agent, judged: the guard's verdict becomes deny, ask or silence.

Fails closed: whatever goes wrong here ends with status 2, which every agent takes as "blocked",
and with the reason on stderr. Nothing but 0 and 2 ever comes out.
"""

from __future__ import annotations

from typing import NamedTuple

from cli_tuner.boundaries.answer import phrase
from cli_tuner.boundaries.terminal import visible
from cli_tuner.errors import CliTunerError
from cli_tuner.guard import check, load_policy
from cli_tuner.hook.allowance import offer, passes_once
from cli_tuner.hook.protocol import Agent, Answer, Decision, Question, question_in, reply_to
from cli_tuner.records.verdict import Level, Safety, Verdict
from cli_tuner.settings import Paths, load_settings

BLOCKED = 2
"""The status that blocks in every agent."""
_REASONS_SHOWN = 3


class Ended(NamedTuple):
    """What the program writes and the status it ends with."""

    out: str
    err: str
    status: int


def answered(text: bytes, agent: Agent | None = None) -> Ended:
    """The answer to a question, ready to be written. Never raises."""
    try:
        question = question_in(text, agent)
        if question is None:
            return Ended(reply_to(agent or Agent.CLAUDE, Answer(Decision.SILENT)), "", 0)
        return Ended(reply_to(question.agent, answer_to(question)), "", 0)
    except CliTunerError as error:
        return Ended("", f"cli-tuner could not judge this command: {error}\n", BLOCKED)
    except Exception as error:  # noqa: BLE001  a guard that broke must not let anything through
        name = type(error).__name__
        return Ended("", f"cli-tuner could not judge this command ({name}: {error})\n", BLOCKED)


def answer_to(question: Question) -> Answer:
    """The decision about one command. Raises ConfigError, PolicyError and JournalError."""
    paths = Paths.of()
    safety = Safety(load_settings().safety)
    verdict = check(
        question.command, safety=safety, policy=load_policy(paths, question.folder or None)
    )
    if verdict.level is Level.SAFE:
        return Answer(Decision.SILENT)
    if passes_once(question, paths, verdict):
        return Answer(Decision.SILENT)
    reason = _reason(verdict)
    if verdict.policy.permits(verdict.level) and question.agent is not Agent.CODEX:
        return Answer(Decision.ASK, reason)
    code = offer(question, paths, verdict)
    if code is None:
        return Answer(Decision.DENY, reason)
    note = (
        f"cli-tuner blocked: {_first_line(question.command)}\n"
        f"To let exactly this command pass once, type in a terminal:"
        f" cli-tuner hook allow-once {code}"
    )
    return Answer(Decision.DENY, f"{reason} A person can let it pass once.", note)


def _reason(verdict: Verdict) -> str:
    """Why, in one line for the agent, with what to do instead."""
    counted = [reason for reason in verdict.reasons if reason.level is not Level.SAFE]
    shown = "; ".join(
        f"{reason.rule_id} {phrase(reason.message)}" for reason in counted[:_REASONS_SHOWN]
    )
    instead = next((reason.instead for reason in counted if reason.instead), None)
    hint = f" Instead: {instead}." if instead else ""
    return visible(f"cli-tuner: {verdict.level.value}: {shown}.{hint}")


def _first_line(command: str) -> str:
    line = visible(command.strip().partition("\n")[0])
    return line if len(line) <= 100 and "\n" not in command.strip() else f"{line[:100]} ..."
