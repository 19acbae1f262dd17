"""Markdown out of data. Texts come from files that others wrote, so they are escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_SPECIAL = re.compile(r"([\\`*_\[\]<|~]|^[>#+-])")
_HIDDEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


def plain(value: object) -> str:
    """A value as text that Markdown shows as it is: on one line, nothing in it obeyed.

    Web addresses become links, numbers get thousands separators, nothing becomes a dash.
    """
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{plain(name)} {plain(part)}" for name, part in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(plain(part) for part in value) or "-"
    text = _HIDDEN.sub(" ", str(value)).strip()
    if re.fullmatch(r"https?://[^\s<>()\\|]+", text):
        return f"<{text}>"
    return _SPECIAL.sub(r"\\\1", text)


def code(text: str) -> str:
    """A text as inline code, whatever back-ticks it holds."""
    line = _HIDDEN.sub(" ", text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    gap = " " if "`" in line else ""
    return f"{fence}{gap}{line}{gap}{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table. Columns of numbers are aligned to the right; cells that are `Cell` stay as made."""
    body = [list(row) for row in rows]
    columns = range(len(head))
    right = [bool(body) and all(_is_number(row[column]) for row in body) for column in columns]
    rule = ["---:" if number else "---" for number in right]
    lines = [head, rule, *([_shown(cell) for cell in row] for row in body)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


class Cell(str):
    """Markdown that is made already, as a table's cell."""

    __slots__ = ()


def table_of(value: object, *, head: Sequence[str] = ("", "")) -> str:
    """Any data as a table: records of one shape by their keys, anything else as name and value."""
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        if all(isinstance(record, Mapping) for record in value):
            keys = list(dict.fromkeys(key for record in value for key in record))
            return table([plain(key) for key in keys], [[r.get(k) for k in keys] for r in value])
        return "\n".join(f"- {plain(entry)}" for entry in value)
    if isinstance(value, Mapping):
        inner = [part for part in value.values() if isinstance(part, Mapping)]
        if inner and len(inner) == len(value):
            return table_of([{head[0] or "name": name, **part} for name, part in value.items()])
        return table(head, value.items())
    return plain(value)


def quote(text: str) -> str:
    """A text of several lines as a block quotation."""
    return "\n".join(f"> {plain(line)}" if line.strip() else ">" for line in text.splitlines())


def _shown(cell: Any) -> str:
    return str(cell) if isinstance(cell, Cell) else plain(cell)


def _is_number(cell: object) -> bool:
    if isinstance(cell, Cell):
        return bool(re.fullmatch(r"[\d.,]+( ?%)?", cell))
    return isinstance(cell, int | float) and not isinstance(cell, bool)
