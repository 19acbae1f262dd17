"""One question of an agent, judged: the guard's verdict becomes deny, ask or silence.

Fails closed: whatever goes wrong here ends with status 2, which every agent takes as "blocked",
and with the reason on stderr. Nothing but 0 and 2 ever comes out.

An agent waits for these imports, before each of its commands; so what only an objection needs is
imported when there is one.
"""

from __future__ import annotations

from typing import NamedTuple

from cli_tuner.errors import CliTunerError
from cli_tuner.hook.opinion import Opinion, opinion_on
from cli_tuner.hook.protocol import Agent, Answer, Decision, Question, question_in, reply_to
from cli_tuner.settings import Paths, load_settings

BLOCKED = 2
"""The status that blocks in every agent."""
_SHOWN = 3


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
    opinion = opinion_on(question, paths, load_settings())
    if opinion.level == "safe":
        return Answer(Decision.SILENT)
    from cli_tuner.hook.allowance import offer, passes_once

    if passes_once(question, paths, opinion):
        return Answer(Decision.SILENT)
    reason = _reason(opinion)
    if opinion.permitted and question.agent is not Agent.CODEX:
        return Answer(Decision.ASK, reason)
    code = offer(question, paths, opinion)
    if code is None:
        return Answer(Decision.DENY, reason)
    note = (
        f"cli-tuner blocked: {_first_line(question.command)}\n"
        f"To let exactly this command pass once, type in a terminal:"
        f" cli-tuner hook allow-once {code}"
    )
    return Answer(Decision.DENY, f"{reason} A person can let it pass once.", note)


def _reason(opinion: Opinion) -> str:
    """Why, in one line for the agent, with what to do instead."""
    from cli_tuner.boundaries.answer import phrase
    from cli_tuner.boundaries.terminal import visible

    shown = "; ".join(
        f"{ground.rule_id} {phrase(ground.message)}" for ground in opinion.grounds[:_SHOWN]
    )
    instead = next((ground.instead for ground in opinion.grounds if ground.instead), None)
    hint = f" Instead: {instead}." if instead else ""
    return visible(f"cli-tuner: {opinion.level}: {shown}.{hint}")


def _first_line(command: str) -> str:
    from cli_tuner.boundaries.terminal import visible

    line = visible(command.strip().partition("\n")[0])
    return line if len(line) <= 100 and "\n" not in command.strip() else f"{line[:100]} ..."
