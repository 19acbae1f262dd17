"""`cli-tuner history`: what was answered, from the journal."""

from __future__ import annotations

import argparse
import json
import sys

from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import UsageError
from cli_tuner.journal import Journal
from cli_tuner.records import ProvenanceRecord, short_id
from cli_tuner.settings import Paths, load_settings

_MOST = 10_000


def run(given: argparse.Namespace) -> int:
    """List the newest answers, or show one. Raises JournalError if the journal was changed."""
    if not 1 <= given.count <= _MOST:
        raise UsageError(f"-n must be between 1 and {_MOST}")
    journal = Journal(Paths.of())
    if given.id is None:
        found = journal.entries(ProvenanceRecord, given.count)
    else:
        one = journal.find(given.id)
        if one is None:
            raise UsageError(f"there is no answer {given.id}")
        found = (one,)
    if given.json:
        answers = [record.model_dump(mode="json") for record in found]
        sys.stdout.write(f"{json.dumps({'schema_version': '1', 'answers': answers})}\n")
        return 0
    screen = Screen(load_settings({"color": given.color}).color, sys.stdout)
    for record in found:
        _show(record, screen, whole=given.id is not None)
    if not found:
        screen.line("no answer yet")
    return 0


def _show(record: ProvenanceRecord, screen: Screen, *, whole: bool) -> None:
    """One line: when, its id, how bad it is, and the command, or why there is none."""
    when = record.timestamp.astimezone().strftime("%Y-%m-%d %H:%M")
    word = "none" if record.level is None else record.level.value
    level = word if record.level is None else screen.paint(word, word)
    shown = record.command if record.refusal is None else f"refused: {record.refusal.value}"
    line = f"{when} · {short_id(record.request_id)} · {level} · {visible(shown or '')}"
    screen.line(line)
    if record.query is not None:
        screen.line(f"    {visible(record.query)}")
    if whole:
        rules = ", ".join(record.rule_ids) or "no rule"
        model = record.model.name if record.model is not None else "no model"
        screen.line(f"    {record.request_id} · {rules} · {visible(model)}")
