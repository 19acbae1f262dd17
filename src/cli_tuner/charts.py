"""Charts as SVG text: stacked columns and lines. Standard library only, no script, no style in it.

Colours come from the page's style sheet through classes (`series-1` ...), so that a chart is as
dark or light as its page. Each has a title and a sentence for whoever cannot see it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 12, 26
_TICKS = 4
_LABELS_MAX = 8


class Series(NamedTuple):
    """One row of numbers; None where there is none."""

    name: str
    values: Sequence[float | None]


def columns(title: str, labels: Sequence[str], series: Sequence[Series], unit: str = "") -> str:
    """Stacked columns, one for each label."""
    sums = [sum(one.values[at] or 0 for one in series) for at in range(len(labels))]
    top = _ceiling(max(sums, default=0))
    return _framed(title, labels, series, top, unit, _stacks(labels, series, top))


def lines(title: str, labels: Sequence[str], series: Sequence[Series], unit: str = "") -> str:
    """One line for each series; a gap where a number is missing."""
    top = _ceiling(max((value for one in series for value in one.values if value), default=0))
    return _framed(title, labels, series, top, unit, _paths(labels, series, top))


def _framed(  # noqa: PLR0913, PLR0917  the parts of one drawing
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    top: float,
    unit: str,
    drawn: Iterator[str],
) -> str:
    said = "; ".join(f"{one.name}: {_summary(one, unit)}" for one in series)
    parts = [
        f'<figure class="chart"><figcaption>{escape(title)}</figcaption>',
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}. ',
        f'{escape(said)}">',
        *_grid(top, unit),
        *_names(labels),
        *drawn,
        "</svg>",
        *_legend(series),
        "</figure>",
    ]
    return "".join(parts)


def _summary(one: Series, unit: str) -> str:
    known = [value for value in one.values if value is not None]
    if not known:
        return "nothing"
    return f"{_number(min(known))} to {_number(max(known))} {unit}".strip()


def _grid(top: float, unit: str) -> Iterator[str]:
    for tick in range(_TICKS + 1):
        value = top * tick / _TICKS
        y = _y(value, top)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        shown = escape(f"{_number(value)} {unit}".strip() if tick == _TICKS else _number(value))
        yield f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{shown}</text>'


def _names(labels: Sequence[str]) -> Iterator[str]:
    step = max(1, math.ceil(len(labels) / _LABELS_MAX))
    for at in range(0, len(labels), step):
        x = _x(at, len(labels))
        yield (
            f'<text class="tick" x="{x}" y="{_HEIGHT - 8}" text-anchor="middle">'
            f"{escape(labels[at])}</text>"
        )


def _stacks(labels: Sequence[str], series: Sequence[Series], top: float) -> Iterator[str]:
    width = round(max(1.0, 0.8 * (_WIDTH - _LEFT - _RIGHT) / max(1, len(labels))), 1)
    for at in range(len(labels)):
        below = 0.0
        for number, one in enumerate(series, start=1):
            value = one.values[at] or 0
            if value:
                y = _y(below + value, top)
                height = round(_y(below, top) - y, 1)
                yield (
                    f'<rect class="series-{number}" x="{round(_x(at, len(labels)) - width / 2, 1)}"'
                    f' y="{y}" width="{width}" height="{height}"/>'
                )
            below += value


def _paths(labels: Sequence[str], series: Sequence[Series], top: float) -> Iterator[str]:
    for number, one in enumerate(series, start=1):
        points: list[str] = []
        pen_up = True
        for at, value in enumerate(one.values):
            if value is None:
                pen_up = True
                continue
            points.append(f"{'M' if pen_up else 'L'}{_x(at, len(labels))} {_y(value, top)}")
            pen_up = False
            x, y = _x(at, len(labels)), _y(value, top)
            yield f'<circle class="series-{number}" cx="{x}" cy="{y}" r="2.5"/>'
        if points:
            yield f'<path class="line series-{number}" d="{" ".join(points)}"/>'


def _legend(series: Sequence[Series]) -> Iterator[str]:
    if len(series) < 2:
        return
    yield '<ul class="legend">'
    for number, one in enumerate(series, start=1):
        yield f'<li><span class="swatch series-{number}"></span>{escape(one.name)}</li>'
    yield "</ul>"


def _x(at: int, count: int) -> float:
    return round(_LEFT + (at + 0.5) * (_WIDTH - _LEFT - _RIGHT) / max(1, count), 1)


def _y(value: float, top: float) -> float:
    return round(_HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM), 1)


def _ceiling(value: float) -> float:
    """A round number that is at least so large, and at least 1."""
    if value <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"
