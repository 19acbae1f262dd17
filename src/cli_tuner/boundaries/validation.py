"""Boundary 4 of 6, CRITICAL. In: RawModelOutput, untrusted. Out: ValidatedCommand, or Refused.

In order: the answer was finished; there is one command in it; only printable characters; length;
bash syntax; the guard's verdict; the safety level. Nothing is repaired: a text that does not pass
is refused, and what is judged is exactly what is shown.

Covers what a text can tell. It does not know the machine: a command that is safe to read may
still be the wrong one. This is the one place where a ValidatedCommand is made.
"""

from __future__ import annotations

from cli_tuner.boundaries.answer import phrase
from cli_tuner.boundaries.choice import ranked
from cli_tuner.boundaries.extract import NoCommand, command_in
from cli_tuner.boundaries.parts import Parts
from cli_tuner.boundaries.terminal import is_hidden
from cli_tuner.boundaries.trace import Refused, Trace
from cli_tuner.records import (
    COMMAND_MAX,
    COMMAND_MIN,
    Finish,
    Level,
    RawModelOutput,
    RefusalCode,
    ValidatedCommand,
    Verdict,
)
from cli_tuner.shell import is_known_utility, syntax_error_in


def validate(
    outputs: tuple[RawModelOutput, ...], trace: Trace, parts: Parts
) -> tuple[ValidatedCommand, ...]:
    """The commands that may be shown, best first (see `choice`), each once.

    Refused with the first output's reason if none may be. What would keep the best one from
    working here is noted.
    """
    passed: dict[str, ValidatedCommand] = {}
    votes: dict[str, int] = {}
    refusals: list[tuple[Refused, str | None, Verdict | None]] = []
    for output in outputs:
        try:
            command = _validated(output, trace, parts)
        except Refused as refused:
            refusals.append((refused, trace.judged, trace.verdict))
        else:
            passed.setdefault(command.command, command)
            votes[command.command] = votes.get(command.command, 0) + 1
    if not passed:
        first, trace.judged, trace.verdict = refusals[0]
        raise first
    commands = ranked(tuple(passed.values()), tuple(votes.values()), parts.problems)
    best = commands[0]
    trace.judged, trace.verdict = best.command, best.verdict
    trace.notices = parts.problems(best.command)
    return commands


def _validated(output: RawModelOutput, trace: Trace, parts: Parts) -> ValidatedCommand:
    trace.judged = trace.verdict = None  # what is recorded belongs to this output
    try:
        command = command_in(output.text)
    except NoCommand as none:
        code = RefusalCode.TRUNCATED if output.finish is Finish.LENGTH else none.code
        raise trace.refused(code, none.message, hint="say it in other words") from None
    if output.finish is Finish.LENGTH:
        raise trace.refused(
            RefusalCode.TRUNCATED,
            "the model's answer was cut off",
            hint="ask for less at once, or raise max_new_tokens",
        )
    _check_form(command, trace)
    options = trace.options
    verdict = parts.check(
        command, safety=options.safety, policy=options.policy, folder=options.folder
    )
    trace.judged, trace.verdict = command, verdict
    _check_verdict(verdict, trace)
    return ValidatedCommand(
        request_id=output.request_id,
        command=command,
        verdict=verdict,
        safety=options.safety,
        mean_logprob=output.mean_logprob,
    )


def _check_form(command: str, trace: Trace) -> None:
    hint = "say it in other words"
    hidden = next((char for char in command if is_hidden(char)), None)
    if hidden is not None:
        raise trace.refused(
            RefusalCode.UNPRINTABLE,
            f"the model's answer has an invisible character (U+{ord(hidden):04X})",
            hint=hint,
        )
    if len(command) < COMMAND_MIN and not is_known_utility(command):
        raise trace.refused(
            RefusalCode.TOO_SHORT, f"the model's answer is too short: {command}", hint=hint
        )
    if len(command) > COMMAND_MAX:
        raise trace.refused(
            RefusalCode.TOO_LONG,
            f"the model's answer has {len(command)} characters; at most {COMMAND_MAX} are shown",
            hint="ask for less at once",
        )
    problem = syntax_error_in(command)
    if problem is not None:
        raise trace.refused(
            RefusalCode.SYNTAX, f"the model's answer is not valid bash: {problem}", hint=hint
        )


def _check_verdict(verdict: Verdict, trace: Trace) -> None:
    if trace.options.safety.permits(verdict.level):
        return
    dangerous = verdict.level is Level.DANGEROUS
    worst = next(reason for reason in verdict.reasons if reason.level is verdict.level)
    raise trace.refused(
        RefusalCode.DANGEROUS if dangerous else RefusalCode.NEEDS_REVIEW,
        f"{worst.rule_id} {phrase(worst.message)}",
        hint=worst.instead,
        verdict=verdict,
    )
