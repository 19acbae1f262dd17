"""What may be written to a person's terminal."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_tuner.boundaries.terminal import Screen, visible, wants_color

WRITTEN_OUT = [
    ("\x1b[31mred", "\\u{1b}[31mred"),
    ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
    ("\x9b2J", "\\u{9b}2J"),
    ("a\nb", "a\\u{a}b"),
    ("a\rb", "a\\u{d}b"),
    ("a\tb", "a\\u{9}b"),
    ("a\x00b", "a\\u{0}b"),
    ("a\x7fb", "a\\u{7f}b"),
    ("a\u202eb", "a\\u{202e}b"),
    ("a\u2066b", "a\\u{2066}b"),
    ("a\u200bb", "a\\u{200b}b"),
    ("a\u200db", "a\\u{200d}b"),
    ("a\ufeffb", "a\\u{feff}b"),
    ("a\u00adb", "a\\u{ad}b"),
    ("a\u2028b", "a\\u{2028}b"),
    ("a\u3164b", "a\\u{3164}b"),
    ("a\u2800b", "a\\u{2800}b"),
    ("a\ufe0fb", "a\\u{fe0f}b"),
    ("a\U000e0041b", "a\\u{e0041}b"),
    ("a\ue000b", "a\\u{e000}b"),
    ("a\udcffb", "a\\u{dcff}b"),
]

AS_IT_IS = ["ls -la", "echo '\u00e9'", "\u4e2d\u6587", "\u05e2\u05d1", "\U0001f600", "a\\b", ""]


@pytest.mark.parametrize(("text", "shown"), WRITTEN_OUT)
def test_what_a_terminal_would_obey_or_hide_is_written_out(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize("text", AS_IT_IS)
def test_what_can_be_read_stays_as_it_is(text):
    assert visible(text) == text


@given(st.text())
def test_nothing_that_steers_a_terminal_survives(text):
    shown = visible(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)
    assert visible(shown) == shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("choice", "stream", "variables", "wanted"),
    [
        ("auto", Terminal(), {"TERM": "xterm"}, True),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("auto", Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        ("auto", io.StringIO(), {"TERM": "xterm"}, False),
        ("always", io.StringIO(), {"NO_COLOR": "1"}, True),
        ("never", Terminal(), {"TERM": "xterm"}, False),
    ],
)
def test_colours_are_where_they_are_wanted(monkeypatch, choice, stream, variables, wanted):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert wants_color(choice, stream) is wanted


@pytest.mark.parametrize("style", ["safe", "review", "blocked", "dangerous", "error"])
def test_a_colour_has_its_word_beside_it(style):
    assert style in Screen("always", io.StringIO()).paint(style, style)
    assert Screen("never", io.StringIO()).paint(style, style) == style


def test_painted_text_cannot_end_its_own_colour():
    painted = Screen("always", io.StringIO()).paint("safe", "x\x1b[0m\x1b[31m")
    assert painted.count("\x1b") == 2


def test_what_the_stream_cannot_encode_is_written_out_and_not_lost():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Screen("never", stream).line("safe \u00b7 caf\u00e9")
    assert raw.getvalue() == b"safe \\xb7 caf\\xe9\n"


def test_nobody_reading_is_no_error():
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    Screen("never", Gone()).line("safe")
