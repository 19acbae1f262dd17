"""`cli-tuner check`: the guard alone. No model, no network, nothing runs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cli_tuner.boundaries.answer import phrase
from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.cli.drawing import tree, underlined
from cli_tuner.errors import Exit, UsageError
from cli_tuner.guard import Policy, check, load_policy
from cli_tuner.records import Level, Reason, Safety, Verdict
from cli_tuner.settings import Paths, current_folder, load_settings

EXITS = {Level.SAFE: Exit.OK, Level.REVIEW: Exit.REVIEW, Level.DANGEROUS: Exit.BLOCKED}
_STDIN_MAX = 1 << 20


class Judge(NamedTuple):
    """The guard with what is in force here."""

    safety: Safety
    policy: Policy

    def verdict(self, command: str) -> Verdict:
        """The verdict on exactly this text."""
        return check(command, safety=self.safety, policy=self.policy)


def run(given: argparse.Namespace) -> int:
    """Judge one command, or a stream of them. Raises PolicyError for a policy that is not valid."""
    settings = load_settings({"safety": given.safety, "color": given.color})
    if given.sarif and given.json:
        raise UsageError("--sarif and --json are two formats; choose one")
    judge = Judge(Safety(settings.safety), load_policy(Paths.of(), current_folder()))
    if given.files:
        from cli_tuner.cli.files import check_files

        return check_files(given, judge, Screen(settings.color, sys.stdout))
    if given.jsonl:
        return _sarif_of_lines(judge) if given.sarif else _stream(judge)
    command = command_from(given.text)
    verdict = judge.verdict(command)
    if given.json:
        _write({"schema_version": "1", **verdict.as_json()})
    elif given.sarif:
        from cli_tuner.cli.sarif import Sarif

        sarif = Sarif(judge.policy, "stdin" if given.text == "-" else "argument")
        sarif.add(command, verdict)
        _write(sarif.document())
    else:
        screen = Screen(settings.color, sys.stdout)
        show_verdict(command, verdict, screen)
        if given.explain:
            for line in tree(command, verdict.effects):
                screen.line(f"    {line}")
    return EXITS[verdict.level]


def command_from(text: str) -> str:
    """The command that was given, or what stdin holds for "-". Raises UsageError for none."""
    if text != "-":
        if not text.strip():
            raise UsageError("the command is empty; give one to judge")
        return text
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("give a command to judge, as in: cli-tuner check 'rm -rf /tmp/x'")
    read = sys.stdin.buffer.read(_STDIN_MAX + 1)
    if not read.strip():
        raise UsageError("stdin is empty; give a command to judge")
    return read.decode("utf-8", "surrogateescape").removesuffix("\n")


def show_verdict(command: str, verdict: Verdict, screen: Screen) -> None:
    """The verdict with its reasons, each with the part of the command that decided."""
    level = verdict.level.value
    if not verdict.reasons:
        screen.line(f"{screen.paint(level, level)} · {visible(verdict.summary)}")
    for reason in verdict.reasons:
        _show_reason(command, reason, screen)


def _show_reason(command: str, reason: Reason, screen: Screen) -> None:
    word = reason.level.value
    screen.line(
        f"{screen.paint(word, word)} · {visible(f'{reason.rule_id} {phrase(reason.message)}')}"
    )
    marked = underlined(command, reason.span)
    if marked is not None:
        line, marks = marked
        screen.line(f"    {line}")
        screen.line(f"    {marks[: -len(marks.lstrip())]}{screen.paint(word, marks.lstrip())}")
    if reason.level is Level.SAFE:
        screen.line(f"    {visible(phrase(reason.why))}")
    if reason.instead:
        screen.line(f"    instead: {visible(reason.instead)}")


class Line(NamedTuple):
    """One line of the input: its command judged, or what is wrong with it."""

    number: int
    identity: Any
    command: str
    verdict: Verdict | None
    error: str
    ms: float


def _judged(judge: Judge) -> Iterator[Line]:
    """The lines of stdin, each judged when it is asked for."""
    if sys.stdin is None:
        raise UsageError('stdin is closed; give lines like {"id": 1, "command": "ls"}')
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        began = time.perf_counter()
        try:
            identity, command = _parsed(line)
        except ValueError as error:
            yield Line(number, None, "", None, f"line {number}: {error}", 0)
        else:
            verdict = judge.verdict(command)
            yield Line(number, identity, command, verdict, "", (time.perf_counter() - began) * 1000)


def _stream(judge: Judge) -> int:
    """Lines in, lines out, in order, each as soon as it is judged; the worst verdict's status."""
    return _status(_judged(judge), lambda line: _write(_row(line)))


def _sarif_of_lines(judge: Judge) -> int:
    """Lines in, one SARIF document out."""
    from cli_tuner.cli.sarif import Sarif

    sarif = Sarif(judge.policy, "stdin")

    def add(line: Line) -> None:
        if line.verdict is None:
            sarif.fail(line.error, line.number)
        else:
            sarif.add(line.command, line.verdict, line.number)

    status = _status(_judged(judge), add)
    _write(sarif.document())
    return status


def _status(lines: Iterator[Line], use: Callable[[Line], None]) -> int:
    """Use every line; the worst verdict's status.

    A line that is no question makes it 1, unless another was dangerous: that must not be hidden.
    """
    worst = Level.SAFE
    failed = False
    for line in lines:
        use(line)
        if line.verdict is None:
            failed = True
        else:
            worst = max(worst, line.verdict.level, key=lambda level: level.severity)
    return Exit.FAILED if failed and worst is not Level.DANGEROUS else EXITS[worst]


def _row(line: Line) -> dict[str, Any]:
    if line.verdict is None:
        return {"id": None, "error": line.error}
    counted = [reason for reason in line.verdict.reasons if reason.level is not Level.SAFE]
    return {
        "id": line.identity,
        "verdict": line.verdict.level.value,
        "rules": [reason.rule_id for reason in counted],
        "ms": round(line.ms, 3),
    }


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(document)}\n")
    sys.stdout.flush()


def _parsed(line: bytes) -> tuple[Any, str]:
    """The id and command of one line. Raises ValueError."""
    try:
        item = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(item, dict) or not isinstance(item.get("command"), str):
        raise ValueError('must be an object with a text "command"')
    return item.get("id"), item["command"]
