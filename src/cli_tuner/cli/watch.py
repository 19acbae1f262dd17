"""`cli-tuner watch`: the weekly report, and whether something drifts."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import Exit, UsageError
from cli_tuner.journal import Journal
from cli_tuner.settings import Paths, load_settings
from cli_tuner.watch.document import to_html, to_markdown
from cli_tuner.watch.drift import Quality, Sign, findings, worst
from cli_tuner.watch.evaluation import compared
from cli_tuner.watch.numbers import Numbers, numbers
from cli_tuner.watch.period import since
from cli_tuner.watch.report import blocks, document

_EXIT = {Sign.NONE: Exit.OK, Sign.ALERT: Exit.REVIEW, Sign.RETRAIN: Exit.BLOCKED}
_WORDS = {Sign.NONE: "safe", Sign.ALERT: "review", Sign.RETRAIN: "dangerous"}


def run(given: argparse.Namespace) -> int:
    """Write the report, or compare."""
    screen = Screen(load_settings({"color": given.color}).color)
    journal = Journal(Paths.of())
    until = datetime.now(UTC)
    begin = since(given.since, until)
    if begin >= until:
        raise UsageError("--since is in the future")
    length = until - begin if given.reference is None else begin - since(given.reference, begin)
    now, before = numbers(journal, begin, until), numbers(journal, begin - length, begin)
    if given.action == "drift":
        return _drift(now, before, _quality(given), screen, as_json=given.json)
    if given.json:
        sys.stdout.write(f"{json.dumps(document(now, before))}\n")
        return Exit.OK
    made = blocks(now, before, journal.verify_all())
    out = Path(given.out).expanduser()
    out.mkdir(parents=True, exist_ok=True)
    name = f"report-{until:%Y-%m-%d}"
    title = f"cli-tuner, {begin:%Y-%m-%d} to {until:%Y-%m-%d}"
    for suffix, text in ((".md", to_markdown(made)), (".html", to_html(title, made))):
        path = out / f"{name}{suffix}"
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    screen.line(f"  {now.requests:,} requests · with a command: {now.passed}")
    return Exit.OK


def _quality(given: argparse.Namespace) -> Quality:
    if (given.evaluation is None) != (given.baseline is None):
        raise UsageError("--evaluation and --baseline belong together")
    made = compared(given.evaluation, given.baseline) if given.evaluation else ()
    try:
        trained = date.fromisoformat(given.trained) if given.trained else None
    except ValueError as error:
        raise UsageError("--trained is a date, as in 2026-01-31") from error
    return Quality(made, trained)


def _drift(
    now: Numbers, before: Numbers, quality: Quality, screen: Screen, *, as_json: bool
) -> int:
    found = findings(now, before, quality)
    sign = worst(found)
    if as_json:
        rows = [
            {"name": one.name, "sign": one.sign.name.lower(), "said": one.said} for one in found
        ]
        made = {"schema_version": "1", "sign": sign.name.lower(), "findings": rows}
        sys.stdout.write(f"{json.dumps(made)}\n")
        return _EXIT[sign]
    for one in found:
        word = screen.paint(_WORDS[one.sign], f"{one.sign.name.lower():<8}")
        screen.line(f"  {word} {one.name}: {visible(one.said)}")
    screen.line(f"  {sign.name.lower()}")
    return _EXIT[sign]
