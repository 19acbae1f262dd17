"""The pictures of a report: PNG, the same bytes for the same findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import require
from cli_tuner.evaluate.calibration import calibration_of
from cli_tuner.evaluate.findings import Judged, SetFindings, parts_of, utility_of
from cli_tuner.evaluate.rate import Rate
from cli_tuner.evaluate.suite import Item
from cli_tuner.shell.tokens import tokens_of

RIGHT = "exact_canonical"
_BLUE, _GREY, _RED = "#3b6ea5", "#b8bfc6", "#b5483a"
_MOST = 25
_LEAST = 3
"""Items of a program below which its bar says nothing."""
_LENGTHS = (1, 2, 3, 4, 5, 6, 8, 11, 16, 24)
"""Tokens of the reference at which a new bar begins."""


def draw(found: SetFindings, folder: Path) -> dict[str, str]:
    """Draw one set's pictures of the suite `domain`: title -> file name. None without it."""
    result = found.result("domain")
    if result is None or not any(RIGHT in one.measures for one in result.outcomes):
        return {}
    judged = [one for one in found.judged(result) if one[1].measures[RIGHT] is not None]
    if not judged:
        return {}
    require("matplotlib", "evaluate").use("Agg")
    plot = require("matplotlib.pyplot", "evaluate")
    folder.mkdir(exist_ok=True)
    pictures: dict[str, Callable[[Any, Sequence[Judged]], Any]] = {
        "utilities": _utilities,
        "lengths": _lengths,
        "confidence": _confidence,
        "mistakes": _mistakes,
    }
    drawn = {}
    for title, picture in pictures.items():
        style = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
        with plot.rc_context(style):
            figure = picture(plot, judged)
            name = f"{found.name}-{title}.png"
            # Without the library's name and version: the bytes depend on the picture alone.
            figure.savefig(folder / name, dpi=110, metadata={"Software": None})
            plot.close(figure)
        drawn[title] = name
    return drawn


def _rate(judged: Sequence[Judged]) -> Rate:
    return Rate.of(bool(outcome.measures[RIGHT]) for _, outcome in judged)


def _errors(rates: Sequence[Rate]) -> list[list[float]]:
    """How far the intervals reach down and up, in percent."""
    down = [100 * max(0.0, rate.value - rate.interval[0]) for rate in rates]
    up = [100 * max(0.0, rate.interval[1] - rate.value) for rate in rates]
    return [down, up]


def _utilities(plot: Any, judged: Sequence[Judged]) -> Any:
    every = list(parts_of(judged, utility_of).items())[:_MOST]
    parts = [one for one in every if len(one[1]) >= _LEAST] or every
    rates = [_rate(part) for _, part in parts]
    figure, axes = plot.subplots(figsize=(7.5, 0.7 + 0.22 * len(parts)), layout="constrained")
    names = [f"{name} ({rate.n})" for (name, _), rate in zip(parts, rates, strict=True)]
    values = [100 * rate.value for rate in rates]
    axes.barh(names, values, xerr=_errors(rates), color=_BLUE, ecolor=_GREY)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("exact match, canonical, percent; 95 % intervals")
    axes.set_title(
        f"By the first program of the reference ({len(parts)} most frequent)", loc="left"
    )
    return figure


def _length_of(item: Item) -> str:
    tokens = len(tokens_of(item.references[0]))
    place = max((index for index, low in enumerate(_LENGTHS) if low <= tokens), default=0)
    following = _LENGTHS[place + 1] if place + 1 < len(_LENGTHS) else None
    if following is None:
        return f"{_LENGTHS[place]}+"
    return (
        f"{_LENGTHS[place]}"
        if following == _LENGTHS[place] + 1
        else (f"{_LENGTHS[place]}-{following - 1}")
    )


def _lengths(plot: Any, judged: Sequence[Judged]) -> Any:
    parts = parts_of(judged, _length_of)
    ordered = sorted(parts.items(), key=lambda item: int(item[0].partition("-")[0].rstrip("+")))
    rates = [_rate(part) for _, part in ordered]
    figure, axes = plot.subplots(figsize=(7.5, 3), layout="constrained")
    names = [f"{name}\n({rate.n})" for (name, _), rate in zip(ordered, rates, strict=True)]
    values = [100 * rate.value for rate in rates]
    axes.bar(names, values, yerr=_errors(rates), color=_BLUE, ecolor=_GREY)
    axes.set_ylim(0, 100)
    axes.set_xlabel("tokens of the reference (items)")
    axes.set_ylabel("exact match, percent")
    axes.set_title("By length", loc="left")
    return figure


def _confidence(plot: Any, judged: Sequence[Judged]) -> Any:
    bins = calibration_of(judged, RIGHT)
    figure, axes = plot.subplots(figsize=(4.6, 4.2), layout="constrained")
    axes.plot([0, 100], [0, 100], color=_GREY, linewidth=1, label="perfectly calibrated")
    if bins:
        rates = [one.right for one in bins]
        places = [100 * one.mean_confidence for one in bins]
        values = [100 * rate.value for rate in rates]
        axes.errorbar(places, values, yerr=_errors(rates), fmt="o-", color=_BLUE, ecolor=_GREY)
        for place, value, rate in zip(places, values, rates, strict=True):
            axes.annotate(str(rate.n), (place, value), (4, 4), textcoords="offset points")
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.set_xlabel("confidence, percent")
    axes.set_ylabel("exact match, percent (n beside it)")
    axes.legend(loc="upper left", frameon=False)
    return figure


def _mistakes(plot: Any, judged: Sequence[Judged]) -> Any:
    counts = Counter(outcome.label or "unlabelled" for _, outcome in judged)
    ordered = counts.most_common()
    figure, axes = plot.subplots(figsize=(6.5, 0.8 + 0.28 * len(ordered)), layout="constrained")
    colors = [_BLUE if name == "exact" else _RED for name, _ in ordered]
    axes.barh([name for name, _ in ordered], [count for _, count in ordered], color=colors)
    for place, (_, count) in enumerate(ordered):
        axes.text(count, place, f" {count} ({count / len(judged):.0%})", va="center", fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, max(counts.values()) * 1.2)
    axes.set_xlabel("items")
    axes.set_title("What kind of answer", loc="left")
    return figure
