"""Pairs: deterministic, distinct, and the values are in the request."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from cli_tuner.data.generate import pairs
from cli_tuner.data.generate.grammar import Sequence, Text, phrase
from cli_tuner.data.generate.intent import HERE, Typed, intents
from cli_tuner.data.generate.noise import VERBS, noisy
from cli_tuner.data.generate.pairs import clashes, requests
from cli_tuner.data.generate.render import Piece, tidy

DOMAINS = sorted(path.stem for path in (HERE / "intents").glob("*.yaml"))


def test_the_same_seed_gives_the_same_pairs() -> None:
    assert list(pairs(3, 300)) == list(pairs(3, 300))
    assert list(pairs(3, 300)) != list(pairs(4, 300))


def test_all_pairs_are_distinct_and_named() -> None:
    found = list(pairs(1))
    assert len({pair.query for pair in found}) == len(found)
    assert len({pair.id for pair in found}) == len(found)
    assert all(pair.template_id.startswith(pair.intent + "#") for pair in found)
    assert all(pair.query == pair.query.strip() and "  " not in pair.query for pair in found)
    assert all(3 <= len(pair.query) <= 500 and 1 <= len(pair.command) <= 200 for pair in found)
    assert not any(re.search(r"\{[a-z][a-z0-9_.]*\}", pair.query) for pair in found)


def test_a_count_is_spread_over_all_intents() -> None:
    found = list(pairs(1, 2 * len(intents())))
    assert len(found) <= 2 * len(intents())
    assert len({pair.intent for pair in found}) > len(intents()) // 2


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_value_that_is_written_is_said(
    expansions: Callable[[Sequence], set[str]], domain: str
) -> None:
    """A listed value appears in the request, as one of its forms or ways to be said."""
    for intent in intents(domain):
        for query, made in requests(intent, 5, 6):
            for name, value in made.values.items():
                kind = intent.slots[name]
                if isinstance(kind, Typed) and kind.type in intent.types and value.says:
                    ways = {value.text, *value.forms.values()}
                    for each in (way for said in value.says.values() for way in said):
                        ways |= expansions(phrase(each, {}))
                    assert any(way and tidy(way) in query for way in ways), (query, made.command)


def test_noise_never_touches_a_value() -> None:
    rng = random.Random(2)
    pieces = (
        Piece("show the contents of "),
        Piece("Some/Long-File.TXT", fixed=True),
        Piece(" here"),
    )
    texts = {noisy(pieces, rng) for _ in range(500)}
    assert all("Some/Long-File.TXT" in text for text in texts)
    assert len(texts) > 60


def test_politeness_goes_before_verbs_only() -> None:
    rng = random.Random(2)
    texts = {noisy((Piece("files larger than "), Piece("5M", fixed=True)), rng) for _ in range(300)}
    assert not any("please" in text.lower() or "how do" in text.lower() for text in texts)
    assert "find" in VERBS


@pytest.mark.parametrize(
    ("raw", "expected"), [("a  b", "a b"), (" a ,b ", "a ,b"), ("which files ?", "which files?"),
                          ("x , y", "x, y")],
)  # fmt: skip
def test_spaces_are_tidied(raw: str, expected: str) -> None:
    assert tidy(raw) == expected


def test_two_answers_to_one_request_are_a_clash() -> None:
    one = replace(intents("find")[0], say=((Text("go"),),), run=(Text("ls"),), slots={})
    other = replace(one, id="find.other", run=(Text("ls -l"),))
    assert {(a.command, b.command) for a, b in clashes((one, other), 1)} == {("ls -l", "ls")}
    assert list(clashes((one, replace(other, run=one.run)), 1)) == []
