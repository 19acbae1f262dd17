"""The validation report: report.md for people, report.json for programs, and the plots."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cli_tuner.artifacts.markdown import table
from cli_tuner.data.config import DataConfig
from cli_tuner.data.figures import Figures, quantiles
from cli_tuner.data.plots import draw
from cli_tuner.data.split import SPLITS


class Findings(NamedTuple):
    """What a report is about. `costs` are the numbers of the splitting."""

    config: DataConfig
    figures: Figures
    leakage: Mapping[str, Any]
    costs: Mapping[str, int]


def write_report(folder: Path, found: Findings) -> None:
    """Write all of it into the folder. No times: the report is part of what must be the same."""
    pictures = draw(found.figures, folder / "plots")
    document = {
        "name": found.config.name,
        "warnings": found.figures.warnings(found.config.expected),
        **found.figures.as_json(),
        "split": found.costs,
        "leakage": found.leakage["pairs"],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (folder / "report.json").write_text(f"{text}\n", encoding="utf-8")
    lines = "".join(f"{line}\n" for line in _markdown(found, pictures))
    (folder / "report.md").write_text(lines, encoding="utf-8")


def _markdown(found: Findings, pictures: Sequence[str]) -> Iterable[str]:
    yield from (f"# Data set {found.config.name}", "")
    if found.config.description:
        yield from (found.config.description.strip(), "")
    for warning in found.figures.warnings(found.config.expected):
        yield from (f"**Warning:** {warning}.", "")
    yield from _rows(found.figures, pictures[0])
    yield from _dropped(found.figures)
    yield from _looks(found.figures, pictures)
    yield from _guard(found.figures)
    yield from _splits(found.figures, found.costs, pictures[4])
    yield from _leakage(found.leakage)


def _rows(figures: Figures, picture: str) -> Iterable[str]:
    yield from ("## Rows", "", f"![rows after each step](plots/{picture})", "")
    yield from table(
        ("step", "dropped", "left"),
        [
            ("read", "", f"{figures.rows_in:,}"),
            *((step, f"{lost:,}", f"{left:,}") for step, lost, left in figures.funnel()),
        ],
    )
    came, went = figures.balance()
    yield f"Rows in {came:,} = rows out plus rows dropped {went:,}."
    if figures.held_out:
        yield ""
        yield "Held out elsewhere and taken over, apart from dangerous commands:"
        yield ""
        yield from table(
            ("split", "rows", "kept", "dangerous, left out"),
            [
                (name, f"{counts.total():,}", f"{counts['kept']:,}", counts["dangerous"])
                for name, counts in figures.held_out.items()
            ],
        )
    yield ""


def _dropped(figures: Figures) -> Iterable[str]:
    yield from ("## Why rows were dropped", "")
    rows = [
        (step, reason, f"{count:,}")
        for step, reasons in figures.dropped.items()
        for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    ]
    yield from table(("step", "reason", "rows"), rows)
    yield "Every one of them is in `dropped.jsonl.zst`, with its step and reason."
    yield ""


def _looks(figures: Figures, pictures: Sequence[str]) -> Iterable[str]:
    _, lengths, utilities, tokens, _ = pictures
    yield from ("## What it looks like", "", f"![lengths](plots/{lengths})", "")
    head = ("", "mean", "min", "p25", "median", "p75", "p95", "p99", "max")
    measured = {**figures.raw_lengths}
    measured |= {f"{name} tokens, of what stays": of for name, of in figures.tokens.items()}
    rows = []
    for name, counts in measured.items():
        found = quantiles(counts)
        rows.append((name, *(f"{found.get(key, 0):g}" for key in head[1:])))
    yield from table(head, rows)
    yield from (f"![utilities](plots/{utilities})", "", f"![tokens](plots/{tokens})", "")


def _guard(figures: Figures) -> Iterable[str]:
    yield from ("## Dangerous commands", "")
    yield "The guard's verdicts on every different command that is valid Bash:"
    yield ""
    levels = sorted(figures.levels.items())
    yield from table(("level", "rows"), [(level, f"{count:,}") for level, count in levels])
    rules = sorted(figures.rules.items(), key=lambda item: (-item[1], item[0]))
    if rules:
        yield from ("The rules by which rows left (`dangerous.jsonl.zst` has each):", "")
        yield from table(("rule", "rows"), [(rule, f"{count:,}") for rule, count in rules])


def _splits(figures: Figures, costs: Mapping[str, int], picture: str) -> Iterable[str]:
    yield from ("## Splits", "", f"![sources of each split](plots/{picture})", "")
    total = sum(figures.rows_out.values())
    yield from table(
        ("split", "rows", "share", "licences"),
        [
            (
                split,
                f"{figures.rows_out[split]:,}",
                f"{100 * figures.rows_out[split] / max(total, 1):.1f}%",
                ", ".join(f"{name} {n:,}" for name, n in sorted(figures.licenses[split].items())),
            )
            for split in SPLITS
            if figures.rows_out[split]
        ],
    )
    yield from (f"- {name.replace('_', ' ')}: {value:,}" for name, value in costs.items())
    yield ""


def _leakage(leakage: Mapping[str, Any]) -> Iterable[str]:
    yield from ("## Leakage", "")
    yield "Rows of the second set that have a partner in the first, found in the written files:"
    yield ""
    pairs: Mapping[str, Mapping[str, int]] = leakage["pairs"]
    checks = list(next(iter(pairs.values())))
    yield from table(
        ("sets", *checks), [(name, *(of[check] for check in checks)) for name, of in pairs.items()]
    )
