"""docs/SUBMISSION.md has every box of the plan's checklist, with a state and what is behind it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "SUBMISSION.md").read_text("utf-8")
PLAN = Path(__file__).with_name("checklist.txt").read_text("utf-8").splitlines()
BOXES = [line.strip() for line in PLAN if line.startswith("    ")]
STATES = ("done", "partly", "not here")
CELL = re.compile(r"(?<!\\)\|")


def rows():
    """(number, box, state, evidence, missing) of every row of the page."""
    for line in PAGE.splitlines():
        if re.match(r"\| \d+ \|", line):
            yield [cell.strip().replace("\\|", "|") for cell in CELL.split(line)[1:-1]]


ROWS = list(rows())


def test_the_plan_has_171_boxes_in_8_phases():
    assert len(BOXES) == 171
    assert sum(not line.startswith(" ") for line in PLAN) == 8


def test_every_box_is_there_in_the_plans_order():
    assert [row[1] for row in ROWS] == BOXES
    assert [int(row[0]) for row in ROWS] == list(range(1, 172))


def test_every_section_is_there_in_the_plans_order():
    sections = [line.strip() for line in PLAN if re.match(r" {2}\S", line)]
    assert re.findall(r"^### (.*)$", PAGE, re.MULTILINE) == sections


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_box_says_what_is_there_and_what_is_not(row):
    _, _, state, evidence, missing = row
    assert state in STATES
    assert evidence or state == "not here"
    assert bool(missing) == (state != "done"), "done leaves nothing; anything else says what"


def test_the_summary_counts_the_rows():
    counted = Counter(row[2] for row in ROWS)
    total = [counted[state] for state in STATES]
    assert f"| all | {total[0]} | {total[1]} | {total[2]} | 171 |" in PAGE


def test_what_is_named_as_evidence_is_there():
    named = re.findall(
        r"`((?:src|tests|configs|benchmarks|deploy|datasets)/[\w./-]+?)(?:::(\w+))?`", PAGE
    )
    assert len(named) > 40
    for path, test in named:
        assert (ROOT / path).exists(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text("utf-8"), test
