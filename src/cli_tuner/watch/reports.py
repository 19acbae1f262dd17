"""What people reported about answers, grouped: the same complaint about the same command.

A group is decided once, by a person. A decision covers the reports that were there; a new report of
the same kind opens the group again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli_tuner.errors import JournalError
from cli_tuner.journal import Journal
from cli_tuner.records import FeedbackRecord, ProvenanceRecord
from cli_tuner.settings import Paths, private_folder

HUMAN_KINDS = ("unsafe", "blocked_wrongly", "wrong", "other")
"""The most urgent first."""

CONFIRMED, DISMISSED = "confirmed", "dismissed"


@dataclass(frozen=True)
class Group:
    """Reports of one kind about one command. `reports` are newest first, never empty."""

    id: str
    kind: str
    command: str | None
    reports: tuple[FeedbackRecord, ...]
    answers: tuple[ProvenanceRecord, ...]

    @property
    def people(self) -> int:
        """How many different ones reported it."""
        return len({report.user_hmac for report in self.reports})

    @property
    def corrections(self) -> Counter[str]:
        """What it should have been, and how often that was said."""
        return Counter(report.correction for report in self.reports if report.correction)

    @property
    def query(self) -> str | None:
        """What was asked, if somebody let it be kept."""
        return next((answer.query for answer in self.answers if answer.query), None)

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The rules that fired."""
        return tuple(dict.fromkeys(rule for answer in self.answers for rule in answer.rule_ids))

    @property
    def level(self) -> str | None:
        """How the newest answer was judged."""
        return next((answer.level.value for answer in self.answers if answer.level), None)


def groups(
    journal: Journal, since: datetime, decided: Iterable[tuple[str, str]] = ()
) -> tuple[Group, ...]:
    """The groups of reports since then, without those decided: the most urgent and largest first.

    `decided` has the kind and the request id of each report that needs no decision any more.
    Raises JournalError if the journal cannot be read.
    """
    done = set(decided)
    reports = [
        report
        for report in journal.since(FeedbackRecord, since)
        if report.kind in HUMAN_KINDS and (report.kind, report.request_id) not in done
    ]
    answers = _answers(journal, {report.request_id for report in reports})
    found: dict[tuple[str, str], list[FeedbackRecord]] = {}
    for report in reports:
        answer = answers.get(report.request_id)
        about = answer.command if answer and answer.command else report.request_id
        found.setdefault((report.kind, about), []).append(report)
    made = [_group(kind, members, answers) for (kind, _), members in found.items()]
    return tuple(
        sorted(made, key=lambda one: (HUMAN_KINDS.index(one.kind), -one.people, -len(one.reports)))
    )


def _answers(journal: Journal, wanted: set[str]) -> dict[str, ProvenanceRecord]:
    """The answers with these ids: read backwards, until the last of them is found."""
    found: dict[str, ProvenanceRecord] = {}
    if not wanted:
        return found
    for answer in journal.since(ProvenanceRecord, datetime.min.replace(tzinfo=UTC)):
        if answer.request_id in wanted:
            found[answer.request_id] = answer
            if len(found) == len(wanted):
                break
    return found


def _group(kind: str, reports: list[FeedbackRecord], answers: dict[str, ProvenanceRecord]) -> Group:
    about = [answers[report.request_id] for report in reports if report.request_id in answers]
    command = next((answer.command for answer in about), None)
    named = command if command is not None else reports[0].request_id
    digest = hashlib.sha256(f"{kind}\0{named}".encode("utf-8", "surrogatepass")).hexdigest()
    return Group(digest[:8], kind, command, tuple(reports), tuple(about))


class Decisions:
    """What was decided, in a file of the state folder: one line each, append-only."""

    def __init__(self, paths: Paths) -> None:
        self.path = paths.state / "triage.jsonl"

    def decided(self) -> set[tuple[str, str]]:
        """Kind and request id of every report that a decision covers. Raises JournalError."""
        try:
            lines = self.path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise JournalError(f"cannot read {self.path}: {error.strerror}") from error
        found: set[tuple[str, str]] = set()
        for line in lines:
            try:
                row = json.loads(line)
                found |= {(row["kind"], request_id) for request_id in row["request_ids"]}
            except (ValueError, KeyError, TypeError):
                continue  # cut off by a crash: the group is shown again
        return found

    def add(self, group: Group, decision: str) -> None:
        """Keep a decision. Raises JournalError if it cannot be written."""
        row: dict[str, object] = {
            "group": group.id,
            "kind": group.kind,
            "decision": decision,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "request_ids": [report.request_id for report in group.reports],
        }
        _append(self.path, row)


def _append(path: Path, row: dict[str, object]) -> None:
    private_folder(path.parent)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(f"{json.dumps(row)}\n")
    except OSError as error:
        raise JournalError(f"cannot write {path}: {error.strerror}") from error
