"""Boundary 6 of 6. In: an answer. Out: whatever the person decides.

The command goes to stdout and nothing else does, so that `$(cli-tuner generate -q ...)` works;
the verdict and everything else goes to stderr. Nothing runs by itself: `--run` asks on the
terminal first, asks for more than a key when the verdict is "review", and a blocked command is not
there to be run. An edited command is judged anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

from cli_tuner.boundaries import terminal
from cli_tuner.boundaries.answer import Answer
from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import Exit, UsageError


class Handoff(NamedTuple):
    """What the person asked to be done with the answer.

    `parts` gives the lines that explain a command's parts, if they are wanted.
    """

    run: bool = False
    edit: bool = False
    copy: bool = False
    quiet: bool = False
    explain: bool = False
    parts: Callable[[str], list[str]] | None = None


def hand_over(
    answer: Answer, how: Handoff, screen: Screen, judge: Callable[[str, Answer], Answer]
) -> int:
    """Show the answer and do what was asked for; the exit status.

    `judge` gives the answer anew for an edited command. Raises UsageError if something has to
    be asked and there is no terminal.
    """
    if answer.command is None:
        _show_refusal(answer, screen)
        return answer.exit
    if how.edit:
        answer = _edited(answer, screen, judge)
        if answer.command is None:
            _show_refusal(answer, screen)
            return answer.exit
    if how.run:
        # Said even to `--quiet`: nobody is asked to run what they cannot see.
        screen.line(visible(str(answer.command)))
    else:
        _print_commands(answer)
    if how.run or not how.quiet:
        _show_verdict(answer, how, screen)
    if how.copy:
        _copy(answer, how, screen)
    return _run(answer, screen) if how.run else answer.exit


def _print_commands(answer: Answer) -> None:
    for command in (answer.command, *(other for other, _ in answer.alternatives)):
        # Boundary 4 let no control character through; an endpoint's JSON is not taken at its word.
        try:
            sys.stdout.write(f"{visible(str(command))}\n")
        except UnicodeEncodeError as error:
            raise UsageError(
                f"the command has characters that {sys.stdout.encoding} lacks",
                hint="use a UTF-8 locale",
            ) from error
    sys.stdout.flush()


def _show_verdict(answer: Answer, how: Handoff, screen: Screen) -> None:
    level = str(answer.level)
    if answer.reasons:
        for reason in answer.reasons:
            shown = visible(f"{reason.rule_id} {reason.message}")
            screen.line(f"  {screen.paint(level, level)} · {shown}")
        instead = next((reason.instead for reason in answer.reasons if reason.instead), None)
        if instead:
            screen.line(f"  instead: {visible(instead)}")
    facts = [f"{answer.seconds:.1f} s", answer.short_id]
    if not answer.reasons:
        facts = [screen.paint(level, level), visible(answer.summary), *facts]
    screen.line("  " + " · ".join(facts))
    for number, (_, other) in enumerate(answer.alternatives, start=2):
        screen.line(f"  {number}: {screen.paint(other, other)}")
    if how.explain:
        for line in how.parts(str(answer.command)) if how.parts is not None else ():
            screen.line(f"    {line}")
        for effect in answer.effects:
            screen.line(f"    {visible(effect)}")
    for notice in answer.notices:
        screen.line(f"  note: {visible(notice)}")


def _show_refusal(answer: Answer, screen: Screen) -> None:
    """Why there is nothing on stdout. Said even to `--quiet`: silence would be a riddle."""
    if answer.exit in (Exit.BLOCKED, Exit.REVIEW):
        word = "blocked" if answer.exit is Exit.BLOCKED else "review"
        screen.line(f"  {screen.paint(word, word)} · {visible(str(answer.refusal))}")
        if answer.hint:
            screen.line(f"  instead: {visible(answer.hint)}")
        if answer.exit is Exit.BLOCKED:
            screen.line(f"  wrong?  cli-tuner generate --report-issue {answer.short_id}")
        else:
            screen.line("  withheld, because safety is strict")
        return
    hint = f"; {visible(answer.hint)}" if answer.hint else ""
    screen.line(f"{screen.paint('error', 'cli-tuner')}: {visible(str(answer.refusal))}{hint}")


def _edited(answer: Answer, screen: Screen, judge: Callable[[str, Answer], Answer]) -> Answer:
    changed = terminal.edit(str(answer.command))
    if changed is None:
        raise UsageError("--edit needs a terminal and an answer on it")
    if changed == answer.command:
        return answer
    if not changed:
        raise UsageError("nothing was left after editing")
    screen.line("  edited; judged anew")
    return judge(changed, answer)._replace(alternatives=())


def _copy(answer: Answer, how: Handoff, screen: Screen) -> None:
    program = terminal.copy(str(answer.command))
    if program is None:
        screen.line("  not copied: there is no clipboard program and no terminal")
    elif not how.quiet:
        screen.line(f"  copied by {program}")


def _run(answer: Answer, screen: Screen) -> int:
    """Ask, then run it with bash. The command's own status is ours."""
    if answer.level == "dangerous":
        screen.line(f"  {screen.paint('blocked', 'blocked')} · a dangerous command is never run")
        return Exit.BLOCKED
    import subprocess

    word = "yes" if answer.level == "review" else "y"
    reply = terminal.ask(f"  run it? type {word} to run, anything else not to:")
    if reply is None:
        raise UsageError("--run asks on the terminal, and nobody answered there")
    if reply.lower() not in {word, "yes"}:
        screen.line("  not run")
        return Exit.CANCELLED
    try:
        status = subprocess.run(["bash", "-c", str(answer.command)], check=False).returncode
    except FileNotFoundError as error:
        raise UsageError("--run needs bash, and there is none here") from error
    # A command that a signal ended has a negative status here and 128 + signal in a shell.
    return status if status >= 0 else 128 - status
