"""`cli-tuner check`: the guard alone. No model, no network, nothing runs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from cli_tuner.boundaries.answer import fact, phrase
from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import Exit, UsageError
from cli_tuner.guard import check
from cli_tuner.records import Level, Reason, Safety, Verdict
from cli_tuner.settings import load_settings

_EXIT = {Level.SAFE: Exit.OK, Level.REVIEW: Exit.REVIEW, Level.DANGEROUS: Exit.BLOCKED}
_STDIN_MAX = 1 << 20
_NARROW = 100


def run(given: argparse.Namespace) -> int:
    """Judge one command, or a stream of them."""
    settings = load_settings({"safety": given.safety, "color": given.color})
    safety = Safety(settings.safety)
    if given.jsonl:
        return _stream(safety)
    command = _command(given.text)
    verdict = check(command, safety=safety)
    if given.json:
        document = {"schema_version": "1", **verdict.model_dump(mode="json")}
        sys.stdout.write(f"{json.dumps(document)}\n")
    else:
        _show(command, verdict, Screen(settings.color, sys.stdout), given.explain)
    return _EXIT[verdict.level]


def _command(text: str) -> str:
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


def _show(command: str, verdict: Verdict, screen: Screen, explain: bool) -> None:
    level = verdict.level.value
    if not verdict.reasons:
        screen.line(f"{screen.paint(level, level)} · {visible(verdict.summary)}")
    for reason in sorted(verdict.reasons, key=lambda reason: -reason.level.severity):
        word = reason.level.value
        message = visible(f"{reason.rule_id} {phrase(reason.message)}")
        screen.line(f"{screen.paint(word, word)} · {message}")
        _underline(command, reason, screen)
        if reason.instead:
            screen.line(f"    instead: {visible(reason.instead)}")
    if explain:
        for effect in verdict.effects:
            target = f" {visible(effect.target)}" if effect.target is not None else ""
            facts = ", ".join([*map(fact, effect.attributes), effect.certainty.value])
            screen.line(f"    {effect.kind.value}{target} ({facts}), by {visible(effect.utility)}")


def _underline(command: str, reason: Reason, screen: Screen) -> None:
    """The command with the part that decided marked below it, if both fit on one line."""
    if len(command) > _NARROW or visible(command) != command or not reason.span.end:
        return
    start, end = reason.span.start, min(reason.span.end, len(command))
    screen.line(f"    {command}")
    screen.line("    " + " " * start + screen.paint(reason.level.value, "^" * max(1, end - start)))


def _stream(safety: Safety) -> int:
    """Lines in, lines out, in order, each as soon as it is judged; the worst verdict's status.

    A line that is no question makes it 1, unless another was dangerous: that must not be hidden.
    """
    worst = Level.SAFE
    failed = False
    if sys.stdin is None:
        raise UsageError('stdin is closed; give lines like {"id": 1, "command": "ls"}')
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        began = time.perf_counter()
        try:
            identity, command = _parsed(line)
        except ValueError as error:
            failed = True
            result: dict[str, Any] = {"id": None, "error": f"line {number}: {error}"}
        else:
            verdict = check(command, safety=safety)
            worst = max(worst, verdict.level, key=lambda level: level.severity)
            result = {
                "id": identity,
                "verdict": verdict.level.value,
                "rules": [reason.rule_id for reason in verdict.reasons],
                "ms": round((time.perf_counter() - began) * 1000, 3),
            }
        sys.stdout.write(f"{json.dumps(result)}\n")
        sys.stdout.flush()
    return Exit.FAILED if failed and worst is not Level.DANGEROUS else _EXIT[worst]


def _parsed(line: bytes) -> tuple[Any, str]:
    """The id and command of one line. Raises ValueError."""
    try:
        item = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(item, dict) or not isinstance(item.get("command"), str):
        raise ValueError('must be an object with a text "command"')
    return item.get("id"), item["command"]
