"""The facts are well formed, agree with the guard's, and with the programs that are here."""

from __future__ import annotations

import re

import pytest

from cli_tuner.errors import ConfigError
from cli_tuner.explain import facts
from cli_tuner.explain.facts import Known, known, known_names
from cli_tuner.explain.values import filled

PLACES = re.compile(r"\{(\w*)\}")


def everything(found: Known):
    yield found
    for sub in found.subs.values():
        yield from everything(sub)


ENTRIES = [one for name in known_names() for one in everything(known(name))]


def test_the_120_most_used_utilities_are_described():
    assert len(known_names()) >= 240
    used = (
        "ls cd rm cp mv find grep sed awk tar ssh curl git docker ps kill df du chmod xargs".split()
    )
    assert all(known(name) for name in used)


@pytest.mark.parametrize("found", ENTRIES, ids=lambda found: found.name)
def test_an_entry_reads_as_a_sentence(found):
    texts = [found.does, found.last, *found.operands, *(o.meaning for o in found.options.values())]
    assert found.does
    for text in filter(None, texts):
        assert "\n" not in text
        assert not text.endswith(".")
        assert set(PLACES.findall(text)) <= {"", "n", "size", "type", "mode"}
        assert len(text) <= 110


@pytest.mark.parametrize("found", ENTRIES, ids=lambda found: found.name)
def test_an_option_that_takes_something_says_it_and_no_other_does(found):
    for option in found.options.values():
        if not option.argument and not option.meaning.startswith("runs:"):
            assert "{}" not in option.meaning, option
        assert all(not name.isupper() or name[0] in "-+" for name in option.names), option


@pytest.mark.parametrize(
    ("value", "text"),
    [("+7", "more than 7"), ("-7", "less than 7"), ("7", "exactly 7"), ("$n", "$n")],
)
def test_an_amount_in_words(value, text):
    assert filled("{n}", value) == text


@pytest.mark.parametrize(
    "text",
    [
        "x: {operands: a}",
        "x: {does: a, explode: b}",
        "x: {does: a, style: odd}",
        "x: {same_as: y}",
        "x: [1]",
    ],
)
def test_an_entry_that_is_wrong_is_an_error(text, tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text(text)
    monkeypatch.setattr(facts, "FOLDER", tmp_path)
    monkeypatch.setattr(facts, "compiled", lambda name, texts, build: build(texts))
    facts._entries.cache_clear()
    try:
        with pytest.raises(ConfigError):
            facts.known.__wrapped__("x")
    finally:
        facts._entries.cache_clear()
