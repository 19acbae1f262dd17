"""The second pass: every row that was written is read back and judged once more.

Zero tolerance: one dangerous command, one row whose messages are not what the prompt template
makes of it, or one row over the limits, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from cli_tuner.chat import to_conversation
from cli_tuner.prompt import SYSTEM, to_prompt

FIELDS = frozenset(
    "id query command source license ref utilities template group messages tokens".split()
)


class Audited(NamedTuple):
    """How many rows were read, and the first thing that is wrong, or ""."""

    rows: int
    fault: str


def audit(rows: Sequence[dict[str, Any]]) -> Audited:
    """Judge a chunk of rows as they were written."""
    faults = (fault for row in rows if (fault := _fault(row)))
    return Audited(len(rows), next(faults, ""))


def _fault(row: dict[str, Any]) -> str:
    from cli_tuner.guard import check

    where = f"the row {row.get('id')}"
    if row.keys() != FIELDS:
        return f"{where} has other fields than it should"
    if check(row["command"]).level.value == "dangerous":
        return f"{where} has a dangerous command"
    if row["messages"] != to_conversation(row["query"], row["command"]):
        return f"{where} has other messages than the prompt template makes"
    system, user, assistant = row["messages"]
    turns = (system["role"], user["role"], assistant["role"])
    if turns != ("system", "user", "assistant") or system["content"] != SYSTEM:
        return f"{where} has other turns than system, user, assistant"
    if user["content"] not in to_prompt(row["query"]) or assistant["content"] != row["command"]:
        return f"{where} does not say what its messages say"
    return ""
