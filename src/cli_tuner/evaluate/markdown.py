"""Pieces of a Markdown report. Everything a model said is untrusted, here too."""

from __future__ import annotations

import re

from cli_tuner.boundaries.terminal import visible
from cli_tuner.evaluate.rate import Measure, Rate

_LONGEST = 240


def code(text: str) -> str:
    """A text as code on one line: nothing in it can end it."""
    line = visible(" \u23ce ".join(text.splitlines()))
    line = f"{line[:_LONGEST]}\u2026" if len(line) > _LONGEST else line
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest or not line.strip() else ""
    return f"{fence}{space}{line}{space}{fence}"


def prose(text: str) -> str:
    """Somebody's sentence: no markup of its own."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", visible(" ".join(text.split()))[:_LONGEST])


def shown(measure: Measure | None) -> str:
    """`61.2 % [58.1, 64.2]`, or the bare number where it is no share."""
    if measure is None:
        return ""
    low, high = measure.interval
    if isinstance(measure, Rate):
        return f"{measure.value:.1%} [{low * 100:.1f}, {high * 100:.1f}]".replace("%", " %")
    return f"{measure.value:.1f} [{low:.1f}, {high:.1f}]"
