"""What a verdict rests on, drawn: the part that decided, and the effects as a tree."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from cli_tuner.boundaries.answer import fact
from cli_tuner.boundaries.terminal import visible
from cli_tuner.records import Effect, Span

_WIDE = 100
"""Characters of a line that are shown."""
_BEFORE = 30
"""Characters shown before a part that begins further right."""


def underlined(command: str, span: Span) -> tuple[str, str] | None:
    """The line of the command in which the span begins, and the marks below it.

    Of a long line what is around the span; None if there is nothing to mark.
    """
    start, end = span.start, min(span.end, len(command))
    if start >= end:
        return None
    first = command.rfind("\n", 0, start) + 1
    last = command.find("\n", start)
    last = len(command) if last < 0 else last
    left = first if last - first <= _WIDE else max(first, min(start - _BEFORE, last - _WIDE))
    right = min(last, left + _WIDE)
    cut, more = ("…" if left > first else ""), ("…" if right < last else "")
    before = cut + visible(command[left:start])
    marked = visible(command[start : min(end, right)])
    line = before + marked + visible(command[min(end, right) : right]) + more
    return line, " " * _columns(before) + "^" * max(1, _columns(marked))


def tree(command: str, effects: tuple[Effect, ...]) -> Iterator[str]:
    """Lines: each part of the command that does something, and below it what it does."""
    parts: dict[tuple[int, int], list[Effect]] = {}
    for effect in effects:
        parts.setdefault((effect.span.start, effect.span.end), []).append(effect)
    for number, (start, end) in enumerate(sorted(parts), start=1):
        here = parts[start, end]
        closing = number == len(parts)
        yield f"{'└─' if closing else '├─'} {_part(command[start:end])}"
        margin = "   " if closing else "│  "
        for count, effect in enumerate(here, start=1):
            yield f"{margin}{'└─' if count == len(here) else '├─'} {_effect(effect)}"


def _part(text: str) -> str:
    shown = visible(" ".join(text.split()))
    return shown if len(shown) <= _WIDE else shown[: _WIDE - 1] + "…"


def _effect(effect: Effect) -> str:
    """One effect: "delete /srv/x · in data · certain · by rm, through sudo, xargs · recursive"."""
    target = f" {visible(effect.target)}" if effect.target is not None else ""
    places = [fact(word) for word in effect.attributes if word.startswith("at:")]
    others = [visible(fact(word)) for word in effect.attributes if not word.startswith("at:")]
    through = f", through {', '.join(effect.via)}" if effect.via else ""
    facts = [
        *places,
        effect.certainty.value,
        visible(f"by {effect.utility}{through}"),
        *(["as root"] if effect.as_root else []),
        *([", ".join(others)] if others else []),
    ]
    return f"{effect.kind.value}{target} · {' · '.join(facts)}"


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
