"""Held-out intents: chosen by name, about one in twenty, and in one part only."""

from __future__ import annotations

import pytest

from cli_tuner.data.generate import pairs
from cli_tuner.data.generate.held_out import held_out
from cli_tuner.data.generate.intent import intents


@pytest.mark.parametrize(
    ("intent", "out"),
    [("find.by-prefix", True), ("git.log-oneline", True), ("find.by-name", False), ("", False)],
)
def test_the_choice_is_a_fact_about_the_name_and_stays(intent: str, out: bool) -> None:
    assert held_out(intent) == out


def test_about_one_intent_in_twenty_is_held_out() -> None:
    share = sum(held_out(intent.id) for intent in intents()) / len(intents())
    assert 0.03 < share < 0.07


def test_a_part_has_its_own_intents_only_and_the_parts_are_the_whole() -> None:
    count = 2 * len(intents())
    whole = {(pair.query, pair.command) for pair in pairs(1, count)}
    training = list(pairs(1, count, "training"))
    held = list(pairs(1, 300, "held-out"))
    assert training and held and whole
    assert not any(held_out(pair.intent) for pair in training)
    assert all(held_out(pair.intent) for pair in held)
    assert not {pair.query for pair in training} & {pair.query for pair in held}
