"""The curves of a run as a picture, so that nobody needs an account to see them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import require

_PANELS = (
    ("nats per answer token", ("loss", "dev_loss")),
    ("share of dev answers", ("dev_exact", "dev_template", "dev_ended")),
    ("learning rate", ("learning_rate",)),
    ("gradient norm", ("gradient_norm",)),
)


def draw(rows: Sequence[dict[str, Any]], title: str, path: Path) -> None:
    """Draw the metrics to a PNG file, without a date in it."""
    require("matplotlib", "train").use("agg")
    plots = require("matplotlib.pyplot", "train")
    figure, axes = plots.subplots(2, 2, figsize=(11, 7), layout="constrained")
    figure.suptitle(title)
    for axis, (label, names) in zip(axes.flat, _PANELS, strict=True):
        for name in names:
            points = [(row["step"], row[name]) for row in rows if name in row]
            if not points:
                continue
            marker = "o" if name.startswith("dev") else ""
            axis.plot(*zip(*points, strict=True), marker=marker, markersize=3, label=name)
        axis.set_xlabel("step")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        if len(axis.get_lines()) > 1:
            axis.legend()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plots.close(figure)
