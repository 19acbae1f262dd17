"""The weekly report: how a period went, beside the one before it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from cli_tuner.charts import Series, columns, lines
from cli_tuner.journal import ChainReport
from cli_tuner.watch.database import BOUNDARIES
from cli_tuner.watch.document import Block, Chart, Heading, Paragraph, Table
from cli_tuner.watch.numbers import Day, Numbers, quantile

_SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
_BINS = 10
_ROWS_MAX = 20


def blocks(now: Numbers, before: Numbers, chains: tuple[ChainReport, ...]) -> list[Block]:
    """The report, from top to bottom."""
    span = f"{now.since:%Y-%m-%d %H:%M} to {now.until:%Y-%m-%d %H:%M} UTC"
    return [
        Heading(f"cli-tuner, {now.since:%Y-%m-%d} to {now.until:%Y-%m-%d}", 1),
        Paragraph(
            f"{span}, beside the period before it. Rates have their count and 95 % interval."
        ),
        _overview(now, before),
        *_by_day(now),
        Heading("Latency by boundary"),
        _latency(now),
        Heading("Risk"),
        _compared("Level", now.levels, before.levels),
        Heading("Why there was no command"),
        _compared("Reason", now.refusals, before.refusals),
        Heading("Rules that fired"),
        _compared("Rule", now.rules, before.rules),
        *_confidence(now),
        Heading("What people reported"),
        _compared("Kind", now.feedback, before.feedback),
        Heading("Who asked, and who answered"),
        _compared("Door", now.callers, before.callers),
        _compared("Model", now.models, before.models),
        Heading("The journal"),
        _journal(chains),
    ]


def document(now: Numbers, before: Numbers) -> dict[str, Any]:
    """The same for programs."""
    return {"schema_version": "1", "period": _facts(now), "before": _facts(before)}


def _facts(one: Numbers) -> dict[str, Any]:
    return {
        "since": one.since.isoformat(),
        "until": one.until.isoformat(),
        "requests": one.requests,
        "people": len(one.people),
        "passed": {"count": one.passed.count, "of": one.passed.of, "ci95": one.passed.interval},
        "latency_ms": {
            name: {label: quantile(values, share) for label, share in _SHARES}
            for name, values in {"total": one.latencies_ms, **one.boundary_ms}.items()
        },
        "levels": dict(one.levels),
        "refusals": dict(one.refusals),
        "rules": dict(one.rules),
        "feedback": dict(one.feedback),
        "signals": one.signals,
        "completion_tokens": one.completion_tokens,
    }


def _overview(now: Numbers, before: Numbers) -> Table:
    def row(name: str, read: Any) -> tuple[str, str, str]:
        return name, str(read(now)), str(read(before))

    return Table(
        ("", "This period", "Before"),
        (
            row("Requests", lambda one: f"{one.requests:,}"),
            row("People", lambda one: f"{len(one.people):,}"),
            row("With a command", lambda one: one.passed),
            row("Reported by people", lambda one: one.reported),
            row("Latency p50", lambda one: _ms(quantile(one.latencies_ms, 0.5))),
            row("Latency p95", lambda one: _ms(quantile(one.latencies_ms, 0.95))),
            row("Median confidence", lambda one: _share(quantile(one.confidences, 0.5))),
            row("Addressed the model", lambda one: f"{one.signals:,}"),
            row("Tokens generated", lambda one: f"{one.completion_tokens:,}"),
        ),
    )


def _by_day(now: Numbers) -> list[Block]:
    count = (now.until.date() - now.since.date()).days + 1
    dates = [now.since.date() + timedelta(days=at) for at in range(count)]
    days = [now.days.get(one, Day()) for one in dates]
    labels = [f"{one:%m-%d}" for one in dates]
    p50, p95 = ([quantile(day.latencies_ms, share) for day in days] for share in (0.5, 0.95))
    rows = zip(dates, days, p50, p95, strict=True)
    return [
        Heading("Day by day"),
        Chart(
            columns(
                "Requests a day",
                labels,
                [
                    Series("with a command", [day.answered for day in days]),
                    Series("refused", [day.refused for day in days]),
                ],
            )
        ),
        Chart(lines("Latency", labels, [Series("p50", p50), Series("p95", p95)], "ms")),
        Table(
            ("Day", "With a command", "Refused", "p50", "p95"),
            tuple(
                (one.isoformat(), f"{day.answered:,}", f"{day.refused:,}", _ms(low), _ms(high))
                for one, day, low, high in rows
            ),
        ),
    ]


def _latency(now: Numbers) -> Table:
    measured = {
        "all": now.latencies_ms,
        **{name: now.boundary_ms.get(name, []) for name in BOUNDARIES},
    }
    return Table(
        ("Boundary", *(label for label, _ in _SHARES)),
        tuple(
            (name, *(_ms(quantile(values, share)) for _, share in _SHARES))
            for name, values in measured.items()
        ),
    )


def _confidence(now: Numbers) -> list[Block]:
    counts = [0] * _BINS
    for confidence in now.confidences:
        counts[min(_BINS - 1, int(confidence * _BINS))] += 1
    labels = [f"{at / _BINS:.1f}-{(at + 1) / _BINS:.1f}" for at in range(_BINS)]
    return [
        Heading("Confidence"),
        Chart(columns("Answers by confidence", labels, [Series("answers", counts)])),
        Table(
            ("Confidence", "Answers"),
            tuple((label, f"{count:,}") for label, count in zip(labels, counts, strict=True)),
        ),
    ]


def _compared(name: str, now: Counter[str], before: Counter[str]) -> Table:
    all_now, all_before = sum(now.values()), sum(before.values())
    keys = sorted(set(now) | set(before), key=lambda key: (-now[key], -before[key], key))
    rows = tuple(
        (key, f"{now[key]:,}", _part(now[key], all_now), _part(before[key], all_before))
        for key in keys[:_ROWS_MAX]
    )
    return Table((name, "Count", "Share", "Before"), rows or (("none", "0", "", ""),))


def _journal(chains: tuple[ChainReport, ...]) -> Table:
    return Table(
        ("File", "Records", "State"),
        tuple(
            (
                chain.path.name,
                f"{chain.records:,}",
                "whole" if chain.broken is None else f"{chain.broken.kind} at {chain.broken.line}",
            )
            for chain in chains
        ),
    )


def _part(count: int, of: int) -> str:
    return f"{count / of:.1%}" if of else ""


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.0%}"


def _ms(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.2f} ms"
