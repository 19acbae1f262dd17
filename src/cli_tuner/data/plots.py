"""The pictures of a report: PNG, the same bytes for the same figures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import require
from cli_tuner.data.figures import Figures, quantile
from cli_tuner.data.split import SPLITS

_BLUE, _GREY, _RED = "#3b6ea5", "#b8bfc6", "#b5483a"
_COLORS = (_BLUE, "#e0a458", "#6a994e", "#8d6a9f", "#4f9da6", _RED, "#8c7a6b", _GREY)
_MOST = 25
_BARS = 40


def draw(figures: Figures, folder: Path) -> list[str]:
    """Draw all of them; their names, in the order of the report."""
    require("matplotlib", "data").use("Agg")
    folder.mkdir(exist_ok=True)
    pictures = {
        "steps.png": _steps,
        "lengths.png": _lengths,
        "utilities.png": _utilities,
        "tokens.png": _tokens,
        "splits.png": _splits,
    }
    plot = require("matplotlib.pyplot", "data")
    for name, picture in pictures.items():
        with plot.rc_context(
            {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
        ):
            figure = picture(plot, figures)
            # Without the library's name and version, so that the bytes depend on the picture alone.
            figure.savefig(folder / name, dpi=110, metadata={"Software": None})
            plot.close(figure)
    return list(pictures)


def _steps(plot: Any, figures: Figures) -> Any:
    """What each step leaves, as bars that get shorter."""
    figure, axes = plot.subplots(figsize=(7.5, 3.6), layout="constrained")
    funnel = [("read", 0, figures.rows_in), *figures.funnel()]
    names = [name for name, _, _ in funnel]
    rows = [left for _, _, left in funnel]
    lost = [gone for _, gone, _ in funnel]
    axes.barh(names, rows, color=_BLUE, label="rows left")
    axes.barh(names, lost, left=rows, color=_RED, label="dropped at this step")
    for place, (_, gone, left) in enumerate(funnel):
        text = f" {left:,}" + (f"  (-{gone:,})" if gone else "")
        axes.text(left + gone, place, text, va="center", fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, figures.rows_in * 1.25)
    axes.set_xlabel("rows")
    axes.set_title("Rows after each step", loc="left")
    axes.legend(loc="lower right", frameon=False)
    return figure


def _lengths(plot: Any, figures: Figures) -> Any:
    figure, panels = plot.subplots(1, 3, figsize=(9.5, 3), layout="constrained")
    for axes, (name, counts) in zip(panels, figures.raw_lengths.items(), strict=True):
        _histogram(axes, counts, name)
    figure.suptitle("Lengths as read", x=0.01, ha="left")
    return figure


def _tokens(plot: Any, figures: Figures) -> Any:
    figure, panels = plot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for axes, (name, counts) in zip(panels, figures.tokens.items(), strict=True):
        _histogram(axes, counts, f"tokens of the {name}")
    figure.suptitle("Tokens of the rows that stay", x=0.01, ha="left")
    return figure


def _histogram(axes: Any, counts: Counter[int], name: str) -> None:
    """Bars of whole numbers; the last holds everything above the 99.5th percentile."""
    end = quantile(counts, 0.995)
    start = min(counts, default=0)
    width = max(1, -(-(end - start + 1) // _BARS))
    bars: Counter[int] = Counter()
    for value, count in counts.items():
        bars[start + (min(value, end) - start) // width * width] += count
    axes.bar(list(bars), list(bars.values()), width=width, align="edge", color=_BLUE)
    axes.set_xlabel(f"{name} (last bar: {end} and more)")
    axes.set_ylabel("rows")


def _utilities(plot: Any, figures: Figures) -> Any:
    figure, axes = plot.subplots(figsize=(7.5, 5), layout="constrained")
    most = sorted(figures.utilities.items(), key=lambda item: (-item[1], item[0]))[:_MOST]
    axes.barh([name for name, _ in most], [count for _, count in most], color=_BLUE)
    axes.invert_yaxis()
    axes.set_xlabel("rows")
    axes.set_title(
        f"The {len(most)} most frequent of {len(figures.utilities):,} utilities", loc="left"
    )
    return figure


def _splits(plot: Any, figures: Figures) -> Any:
    """Each split's sources, as shares: the splits differ in size by a factor of eight or more."""
    figure, axes = plot.subplots(figsize=(7.5, 2.6), layout="constrained")
    splits = [split for split in SPLITS if figures.rows_out[split]]
    total: Counter[str] = Counter()
    for counts in figures.sources.values():
        total.update(counts)
    names = sorted(total, key=lambda name: (-total[name], name))
    shown = names[: len(_COLORS) - 1]
    start = [0.0] * len(splits)
    rest = {"others": names[len(shown) :]} if len(names) > len(shown) else {}
    groups = {name: [name] for name in shown} | rest
    for color, (label, members) in zip(_COLORS, groups.items(), strict=False):
        part = [
            100 * sum(figures.sources[split][name] for name in members) / figures.rows_out[split]
            for split in splits
        ]
        axes.barh(_labels(figures, splits), part, left=start, color=color, label=label)
        start = [a + b for a, b in zip(start, part, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("percent of the rows")
    axes.set_title("Sources of each split", loc="left")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _labels(figures: Figures, splits: list[str]) -> list[str]:
    return [f"{split}\n{figures.rows_out[split]:,} rows" for split in splits]
