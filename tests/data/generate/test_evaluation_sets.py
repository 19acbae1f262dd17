"""The committed sets of generated pairs are what the README beside them says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_tuner.data.generate import pairs
from cli_tuner.data.generate.held_out import held_out
from cli_tuner.shell import syntax_error_in

SETS = Path(__file__).parents[3] / "benchmarks" / "canonical"
PARTS = {"generated-held-out": "held-out", "generated-known": "training"}


def rows_of(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (SETS / f"{name}.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", PARTS)
def test_a_set_has_300_different_requests_with_valid_commands(name: str) -> None:
    rows = rows_of(name)
    assert len(rows) == 300
    assert len({row["query"] for row in rows}) == 300
    assert len({row["id"] for row in rows}) == 300
    assert not [row["id"] for row in rows if syntax_error_in(row["command"])]


def test_the_held_out_set_has_held_out_intents_only_and_the_other_none_of_them() -> None:
    assert all(held_out(row["intent"]) for row in rows_of("generated-held-out"))
    assert not any(held_out(row["intent"]) for row in rows_of("generated-known"))
    assert len({row["intent"] for row in rows_of("generated-held-out")}) >= 50


def test_no_request_is_among_those_that_training_is_made_of() -> None:
    trained = {pair.query.casefold().rstrip(".?!") for pair in pairs(7, 12_000, "training")}
    for name in PARTS:
        asked = {row["query"].casefold().rstrip(".?!") for row in rows_of(name)}
        assert not asked & trained
