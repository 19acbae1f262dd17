"""A confirmed correction as a row for training, with where it came from.

The rows are a file source of the data stage like any other: there they are judged, compared with
what is held out (a row that is like one of a test set leaves), and counted in the provenance.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli_tuner.errors import UsageError
from cli_tuner.guard import Policy, check
from cli_tuner.records import COMMAND_MAX, QUERY_MAX, QUERY_MIN, Level
from cli_tuner.shell import syntax_error_in
from cli_tuner.watch.reports import Group

SOURCE = "feedback"


def row_of(
    group: Group, *, query: str | None, correction: str | None, license_: str, policy: Policy
) -> dict[str, Any]:
    """The row. `query` and `correction` go before what the reports hold.

    Raises UsageError if either is missing or not fit to be learned from: no bash, dangerous, too
    long, or what the model said anyway.
    """
    asked = " ".join((query or group.query or "").split())
    if not asked:
        raise UsageError(
            "the question was not kept (retain_queries is off)", hint="give it with --query"
        )
    if not QUERY_MIN <= len(asked) <= QUERY_MAX:
        raise UsageError(f"--query has {len(asked)} characters, not {QUERY_MIN} to {QUERY_MAX}")
    command = (correction or _usual(group)).strip()
    _refuse_unfit(command, group, policy)
    digest = hashlib.sha256(f"{asked}\0{command}".encode()).hexdigest()
    return {
        "id": f"{SOURCE}-{digest[:12]}",
        "query": asked,
        "command": command,
        "source": SOURCE,
        "license": license_,
        "provenance": {
            "group": group.id,
            "kind": group.kind,
            "request_ids": [report.request_id for report in group.reports],
            "people": group.people,
            "was": group.command,
            "models": sorted({one.model.name for one in group.answers if one.model}),
            "confirmed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    }


def _usual(group: Group) -> str:
    """What was proposed most often."""
    if not group.corrections:
        raise UsageError("nobody said what it should have been", hint="give it with --correction")
    return group.corrections.most_common(1)[0][0]


def _refuse_unfit(command: str, group: Group, policy: Policy) -> None:
    problem = syntax_error_in(command)
    if problem is not None:
        raise UsageError(f"the correction is not valid bash: {problem}")
    if "\n" in command or len(command) > COMMAND_MAX:
        raise UsageError(f"the correction is not one line of at most {COMMAND_MAX} characters")
    if check(command, policy=policy).level is Level.DANGEROUS:
        raise UsageError("the correction is dangerous; nothing dangerous is learned")
    if command == group.command:
        raise UsageError("the correction is what the model answered")


def append_row(path: Path, row: dict[str, Any]) -> bool:
    """Add the row to a JSON-lines file; false if it is in there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        with path.open(encoding="utf-8") as file:
            if any(json.loads(line).get("id") == row["id"] for line in file if line.strip()):
                return False
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as file:
        file.write(f"{json.dumps(row, ensure_ascii=False)}\n")
    return True
