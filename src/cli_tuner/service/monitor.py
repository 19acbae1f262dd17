"""The monitoring page's numbers: the last hour by minutes, and counts since the start."""

from __future__ import annotations

import resource
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup
from prometheus_client import Counter

from cli_tuner.charts import Series, columns, lines
from cli_tuner.service.history import Minute, percentile
from cli_tuner.service.service import Service

_ROWS_MAX = 8


def monitor(service: Service) -> dict[str, Any]:
    """What the template shows."""
    minutes = service.history.minutes()
    labels = [
        datetime.fromtimestamp(minute.number * 60, UTC).strftime("%H:%M") for minute in minutes
    ]
    metrics = service.metrics
    return {
        "now": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "tiles": _tiles(service, minutes),
        # The charts escape what they are given.
        "charts": [Markup(chart) for chart in _charts(labels, minutes)],  # noqa: S704
        "tables": [
            ("Verdicts", _counts(metrics.risk)),
            ("Refusals", _counts(metrics.refusals)),
            ("Rules that fired", _counts(metrics.rules)),
            ("Turned away", _counts(metrics.turned_away)),
            ("Reports", _counts(metrics.feedback)),
        ],
    }


def _charts(labels: list[str], minutes: list[Minute]) -> list[str]:
    return [
        columns(
            "Requests a minute",
            labels,
            [
                Series("answered", [minute.answered for minute in minutes]),
                Series("refused", [minute.refused for minute in minutes]),
                Series("failed", [minute.failed for minute in minutes]),
            ],
        ),
        lines(
            "Latency",
            labels,
            [
                Series("p50", [percentile(minute.latencies_ms, 0.5) for minute in minutes]),
                Series("p95", [percentile(minute.latencies_ms, 0.95) for minute in minutes]),
            ],
            "ms",
        ),
    ]


def _tiles(service: Service, minutes: list[Minute]) -> list[tuple[str, str, str]]:
    answered = sum(minute.answered for minute in minutes)
    refused = sum(minute.refused for minute in minutes)
    failed = sum(minute.failed for minute in minutes)
    latencies = [ms for minute in minutes for ms in minute.latencies_ms]
    crossed = answered + refused
    is_up = service.watch.state.is_up
    return [
        ("Engine", "up" if is_up else "down", "safe" if is_up else "blocked"),
        ("Requests", f"{crossed + failed:,}", ""),
        ("With a command", f"{answered / crossed:.0%}" if crossed else "none", ""),
        ("Failed", f"{failed:,}", "blocked" if failed else ""),
        ("p50", _ms(percentile(latencies, 0.5)), ""),
        ("p95", _ms(percentile(latencies, 0.95)), ""),
        ("In the queue", f"{service.desk.waiting}", ""),
        ("Memory", f"{_rss_mib():.0f} MiB", ""),
    ]


def _ms(value: float | None) -> str:
    return "none" if value is None else f"{value:,.0f} ms"


def _rss_mib() -> float:
    """Memory of this process; where there is no /proc, the most that it ever was."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 1024**2


def _counts(counter: Counter) -> list[tuple[str, str]]:
    """The largest counts of a metric, each with its labels."""
    found = [
        (", ".join(sample.labels.values()), sample.value)
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and sample.value
    ]
    ordered = sorted(found, key=lambda one: -one[1])[:_ROWS_MAX]
    return [(name.replace("_", " "), f"{value:,.0f}") for name, value in ordered]
