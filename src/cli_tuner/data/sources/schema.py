"""From a row of any known shape to a pair: which fields hold the request and the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cli_tuner.data.config import FieldMap, Selection
from cli_tuner.data.pair import Pair, Skipped, id_of
from cli_tuner.errors import DataError


class Schema(NamedTuple):
    """The fields of a shape. `context` holds more of the request, if it is not empty."""

    query: str
    command: str
    context: str = ""


# The first that fits counts. The plan's set has the first or the second, depending on its revision.
KNOWN = (
    Schema("nl_command", "bash_code"),
    Schema("instruction", "output", "input"),
    Schema("nl", "bash"),
    Schema("query", "command"),
)
MESSAGES = "messages"


def schema_of(row: Mapping[str, Any], where: str, given: FieldMap | None) -> Schema | None:
    """The shape of a row; None for chat messages.

    Raises DataError, with the fields there are and the shapes that are known.
    """
    if given is not None:
        if not {given.query, given.command} <= row.keys():
            raise DataError(
                f"{where}: no fields {given.query} and {given.command}",
                hint=f"the row has: {', '.join(row)}",
            )
        return Schema(given.query, given.command)
    for schema in KNOWN:
        if {schema.query, schema.command} <= row.keys():
            return schema
    if isinstance(row.get(MESSAGES), Sequence):
        return None
    shapes = ", ".join(f"{one.query}/{one.command}" for one in KNOWN)
    raise DataError(
        f"{where}: unknown schema with the fields {', '.join(map(str, row)) or 'none'}",
        hint=f"known are {shapes} and messages; name others with fields: {{query: x, command: y}}",
    )


def to_pair(
    row: Mapping[str, Any], schema: Schema | None, source: Selection, ref: str
) -> Pair | Skipped:
    """The row as a pair, or why it is none: a part is missing or is no text."""
    query, command = _from_messages(row) if schema is None else _from_fields(row, schema)
    name = _text(row, "source") or source.name
    where = _text(row, "ref") or ref
    for part, value in (("request", query), ("command", command)):
        if value is None or (isinstance(value, str) and not value.strip()):
            return Skipped(name, ref, f"missing {part}", _plain(row))
        if not isinstance(value, str):
            return Skipped(name, ref, f"the {part} is no text", _plain(row))
    license_name = _text(row, "license") or source.license
    known_id = _text(row, "id") or id_of(name, query, command)
    return Pair(known_id, query, command, name, license_name, where)


def _from_fields(row: Mapping[str, Any], schema: Schema) -> tuple[Any, Any]:
    query, context = row.get(schema.query), row.get(schema.context)
    if isinstance(query, str) and isinstance(context, str) and context.strip():
        query = f"{query} {context}"
    return query, row.get(schema.command)


def _from_messages(row: Mapping[str, Any]) -> tuple[Any, Any]:
    """The last user turn and the answer to it."""
    found: dict[str, Any] = {}
    for message in row.get(MESSAGES) or ():
        if isinstance(message, Mapping):
            found[str(message.get("role"))] = message.get("content")
    return found.get("user"), found.get("assistant")


def _text(row: Mapping[str, Any], field: str) -> str:
    value = row.get(field)
    return value if isinstance(value, str) else ""


def _plain(row: Mapping[str, Any]) -> dict[str, str]:
    """The row for the log, cut to what a person looks at."""
    return {str(name): str(value)[:500] for name, value in row.items() if value is not None}
