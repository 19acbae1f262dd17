"""A token is kept exactly if some text over the alphabet has it as a stretch of its bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_tuner.trim.alphabet import Alphabet, Stretches

ASCII, WESTERN = Stretches(Alphabet.ASCII), Stretches(Alphabet.WESTERN)


@pytest.mark.parametrize(
    ("token", "in_ascii", "in_western"),
    [
        (b" ls", True, True),
        (b"\x00\x7f\n", True, True),
        ("caf\u00e9".encode(), False, True),
        ("\u201cyes\u201d \u2014 5\u20ac".encode(), False, True),
        (b"\xa9s", False, True),
        (b"e\xc3", False, True),
        (b"\x80\x94", False, True),
        (b"\x80", False, True),
        ("\u6587".encode(), False, False),
        (b"\xe6", False, False),
        (b"\xe6\x96", False, False),
        ("za\u017c".encode(), False, False),
        (b"\xc3\xc3", False, False),
        (b"a\xa9", False, False),
    ],
)
def test_what_a_text_can_contain(token: bytes, in_ascii: bool, in_western: bool) -> None:
    assert (token in ASCII, token in WESTERN) == (in_ascii, in_western)


@given(st.text(st.sampled_from(sorted(Alphabet.WESTERN.characters)), min_size=1), st.data())
def test_every_stretch_of_every_text_is_one(text: str, data: st.DataObject) -> None:
    encoded = text.encode()
    start = data.draw(st.integers(0, len(encoded) - 1))
    end = data.draw(st.integers(start + 1, len(encoded)))
    assert encoded[start:end] in WESTERN
    assert not text.isascii() or encoded[start:end] in ASCII


@given(st.binary(min_size=1, max_size=6))
def test_the_parts_of_a_stretch_are_stretches(token: bytes) -> None:
    if token in WESTERN:
        assert all(
            token[:cut] in WESTERN and token[cut:] in WESTERN for cut in range(1, len(token))
        )
    else:
        assert not token.isascii()


def test_an_alphabet_has_what_its_name_says() -> None:
    assert len(Alphabet.ASCII.characters) == 128
    assert (
        set("A\u00e9\u00df\u00d1\u20ac\u2019\u201c\u2026\u2014\u0152\n")
        < Alphabet.WESTERN.characters
    )
    assert not set("\u017c\u0434\u6587\u2192") & Alphabet.WESTERN.characters
