"""The language of phrases and templates."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from cli_tuner.data.generate.grammar import (
    Sequence,
    Slot,
    Text,
    certain_slots,
    phrase,
    slots_in,
    template,
)
from cli_tuner.errors import IntentError

MACROS = {"find": "find|list", "in": "(in {dir}|)", "loop": "x <loop>"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words", {"plain words"}),
        ("(a|b) c", {"a c", "b c"}),
        ("[x ]y", {"x y", "y"}),
        ("a(b|)", {"ab", "a"}),
        ("a|b", {"a", "b"}),
        ("<find> it", {"find it", "list it"}),
        ("go <in>", {"go in {dir}", "go "}),
        (r"\(a\|b\) \{x\}", {"(a|b) {x}"}),
        ("((a|b)|[c]d)", {"a", "b", "cd", "d"}),
    ],
)
def test_a_phrase_expands_to(
    expansions: Callable[[Sequence], set[str]], text: str, expected: set[str]
) -> None:
    assert expansions(phrase(text, MACROS)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(a|b", r'"\)" is missing'),
        ("a)", "closes nothing"),
        ("[a", r'"\]" is missing'),
        ("<nope>", "no macro <nope>"),
        ("<loop>", "contains itself"),
        ("{Dir}", "a slot is written"),
        ("{dir=.}", "a slot is written"),
    ],
)
def test_a_wrong_phrase_is_said(text: str, message: str) -> None:
    with pytest.raises(IntentError, match=message):
        phrase(text, MACROS)


def test_certain_slots_are_those_of_every_expansion() -> None:
    nodes = phrase("{a} ({b}|{b} {c}) [{d}]", {})
    assert certain_slots(nodes) == {"a", "b"}
    assert {slot.name for slot in slots_in(nodes)} == {"a", "b", "c", "d"}


def test_only_known_names_are_slots_in_a_command() -> None:
    command = "find {dir=.} -exec awk '{print $1}' {} + ${dir} {1..3} {size.bytes} {sizes}"
    nodes = template(command, {"dir", "size"})
    assert [node for node in nodes if isinstance(node, Slot)] == [
        Slot("dir", "", "."), Slot("size", "bytes"),
    ]  # fmt: skip
    assert "".join(node.text for node in nodes if isinstance(node, Text)) == (
        "find  -exec awk '{print $1}' {} + ${dir} {1..3}  {sizes}"
    )


def test_random_brackets_raise_nothing_else() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        text = "".join(rng.choice("ab ()[]|{}<>\\") for _ in range(rng.randrange(12)))
        try:
            phrase(text, MACROS)
        except IntentError:
            continue
