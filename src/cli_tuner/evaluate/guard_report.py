"""The guard's part of the report: its two rates by category, what is wrong, and the unseen sets."""

from __future__ import annotations

from collections.abc import Iterator

from cli_tuner.artifacts.markdown import table
from cli_tuner.evaluate.guard_cases import (
    CAUGHT,
    FLAGGED,
    GuardFindings,
    by_category,
    levels_of,
    rates_of_cases,
)
from cli_tuner.evaluate.markdown import code, prose, shown

_WRONG_SHOWN = 20
_SEEN = (
    "The rules were improved on these cases until all were right, so the two rates say that "
    "nothing was lost. How the guard does on the unseen, the table of unseen sets says."
)


def guard_section(found: GuardFindings) -> Iterator[str]:
    """Markdown lines."""
    yield from ("## The guard on its fixed cases", "")
    yield from (f"{code(found.file)}, SHA-256 {found.sha256[:16]}. {_SEEN}", "")
    rows = [
        (name, len(some), shown(rates.get(CAUGHT)), shown(rates.get(FLAGGED)))
        for name, some, rates in (
            ("all", found.gated, found.measures),
            *((name, some, rates_of_cases(some)) for name, some in by_category(found.gated)),
        )
    ]
    yield from table(("category", "n", "dangerous caught", "safe flagged"), rows)
    for one in found.wrong[:_WRONG_SHOWN]:
        yield f"- {one.expect} as {one.found}: {code(one.command)}"
    if found.wrong:
        yield ""
    for name, some in found.reported.items():
        said = ", ".join(f"{what} {count}" for what, count in sorted(levels_of(some).items()))
        yield from (f"Not gated, {prose(name)}: {said}, of {len(some)}.", "")
    yield from unseen_table(found)


def unseen_table(found: GuardFindings) -> Iterator[str]:
    """What was measured on cases before anybody had worked on them."""
    if not found.unseen:
        return
    yield from ("On cases written without sight of it, before any work on them:", "")
    rows = [
        (one.set, one.measured, one.guard, one.caught.n, shown(one.caught), shown(one.flagged),
         one.safe_dangerous.n, shown(one.safe_dangerous), shown(one.safe_flagged))
        for one in found.unseen
    ]  # fmt: skip
    head = ("unseen set", "measured", "guard", "dangerous", "caught", "flagged", "safe",
            "called dangerous", "safe flagged")  # fmt: skip
    yield from table(head, rows)
