"""A report as Markdown and as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1a1d21; --soft: #5a626c; --line: #d5dae0;
  --one: #1f77b4; --two: #d98200; --three: #c0282d; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e8eaed; --soft: #a4adb8;
  --line: #3a4148; --one: #6db3e8; --two: #f0b45c; --three: #ff8a84; } }
body { margin: 2rem auto; max-width: 52rem; padding: 0 1rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; margin: 1rem 0 2rem; min-width: 60%; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .8rem .25rem 0; text-align: left; }
td:not(:first-child), th:not(:first-child) { text-align: right; }
.chart { margin: 1.5rem 0; } .chart svg { width: 100%; height: auto; }
figcaption { font-weight: 600; } .grid { stroke: var(--line); }
.tick { fill: var(--soft); font-size: 11px; }
.series-1 { fill: var(--one); stroke: var(--one); background: var(--one); }
.series-2 { fill: var(--two); stroke: var(--two); background: var(--two); }
.series-3 { fill: var(--three); stroke: var(--three); background: var(--three); }
.line { fill: none; stroke-width: 2; }
.legend { list-style: none; padding: 0; display: flex; gap: 1.2rem; }
.swatch { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; }
"""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A sentence or two."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of texts, the first column names them."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Chart:
    """An SVG figure that escaped what it was given; in Markdown its table stands for it."""

    svg: str


Block = Heading | Paragraph | Table | Chart


def to_markdown(blocks: Sequence[Block]) -> str:
    """GitHub's kind of Markdown; charts are left out, since their numbers are in tables."""
    parts: list[str] = []
    for block in blocks:
        if isinstance(block, Heading):
            parts.append(f"{'#' * block.level} {_plain(block.text)}")
        elif isinstance(block, Paragraph):
            parts.append(_plain(block.text))
        elif isinstance(block, Table):
            rule = ("---", *["--:"] * (len(block.header) - 1))
            rows = (block.header, rule, *block.rows)
            cells = (" | ".join(_plain(cell) if row is not rule else cell for cell in row)
                     for row in rows)  # fmt: skip
            parts.append("\n".join(f"| {line} |" for line in cells))
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """The text on one line, with what Markdown would take as markup written out."""
    one_line = " ".join(text.split())
    return "".join(f"\\{char}" if char in "\\`*_[]<>|" else char for char in one_line)


def to_html(title: str, blocks: Sequence[Block]) -> str:
    """One whole page, dark or light as its reader has it."""
    body = "\n".join(_element(block) for block in blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _element(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Paragraph):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Chart):
        return block.svg
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in block.header)
    rows = "".join(f"<tr>{''.join(_cells(row))}</tr>\n" for row in block.rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>"


def _cells(row: tuple[str, ...]) -> list[str]:
    first, *others = row
    return [f'<th scope="row">{escape(first)}</th>', *(f"<td>{escape(one)}</td>" for one in others)]
