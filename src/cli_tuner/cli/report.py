"""`cli-tuner generate --report-issue [ID]`: what was wrong with an answer, kept as feedback."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Literal

from cli_tuner.boundaries.terminal import Screen, ask, visible
from cli_tuner.errors import UsageError
from cli_tuner.journal import Journal
from cli_tuner.records import FeedbackRecord, ProvenanceRecord, short_id
from cli_tuner.settings import Paths, Settings

Kind = Literal["wrong", "unsafe", "blocked_wrongly", "other"]

_COMMENT_MAX = 2000
_CORRECTION_MAX = 4096
_KINDS: dict[str, Kind] = {"w": "wrong", "u": "unsafe", "b": "blocked_wrongly", "o": "other"}


def report(given: argparse.Namespace, settings: Settings) -> int:
    """Record one report. What is not given is asked for on the terminal."""
    if given.query:
        raise UsageError(
            "--report-issue takes an id, not a sentence", hint="say more with --comment"
        )
    journal = Journal(Paths.of())
    about = journal.find(given.report_issue or None)
    if about is None:
        raise UsageError(
            f"there is no answer {given.report_issue}" if given.report_issue else "no answer yet",
            hint="the id stands behind the verdict of an answer",
        )
    _check_text("--comment", given.comment, _COMMENT_MAX)
    _check_text("--correction", given.correction, _CORRECTION_MAX)
    screen = Screen(settings.color)
    if not given.json:
        screen.line(f"  about {short_id(about.request_id)}: {visible(about.command or '(none)')}")
    record = FeedbackRecord(
        request_id=about.request_id,
        timestamp=datetime.now(UTC),
        user_hmac=journal.user_hmac(),
        kind=_kind(given, about),
        comment=_comment(given),
        correction=given.correction,
    )
    journal.feedback(record)
    if given.json:
        sys.stdout.write(f"{record.model_dump_json()}\n")
    else:
        screen.line("  thank you; kept on this machine, sent nowhere")
    return 0


def _check_text(option: str, text: str | None, most: int) -> None:
    """Raise UsageError for a text that cannot be kept."""
    if text is None:
        return
    if len(text) > most:
        raise UsageError(f"{option} has {len(text)} characters; say it in at most {most}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"{option} is not valid Unicode text") from error


def _kind(given: argparse.Namespace, about: ProvenanceRecord) -> Kind:
    if given.kind:
        kind: Kind = given.kind  # argparse knows the choices
        return kind
    if about.refusal is not None:
        return "blocked_wrongly"
    if given.comment or given.correction:
        return "wrong"
    typed = ask("  (w)rong, (u)nsafe, (b)locked wrongly, (o)ther?")
    return _KINDS.get((typed or "w")[:1].lower(), "other")


def _comment(given: argparse.Namespace) -> str:
    if given.comment is not None or given.correction or given.json:
        return str(given.comment or "")
    return (ask("  what was wrong? (one line, may be empty)") or "")[:_COMMENT_MAX]
