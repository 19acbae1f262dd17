from __future__ import annotations

import pytest

from cli_tuner.shell.tokens import tokens_of


@pytest.mark.parametrize(
    ("command", "tokens"),
    [
        ("find . -name '*.c' 2>/dev/null | wc -l", "find . -name '*.c' 2> /dev/null | wc -l"),
        ("a&&b||c;d &", "a && b || c ; d &"),
        ("x=1 cmd", "x=1 cmd"),
        ("for f in *.c; do cat $f; done", "for f in *.c ; do cat $f ; done"),
        ("! ls |& cat", "! ls |& cat"),
        ("diff <(a) <(b)", "diff <(a) <(b)"),
        ("(cd x; ls)", "( cd x ; ls )"),
        ("", ""),
    ],
)
def test_words_stay_whole_and_operators_stand_alone(command, tokens):
    assert tokens_of(command) == tuple(tokens.split())


def test_a_quoted_word_is_one_token():
    assert tokens_of('echo "a b" c') == ("echo", '"a b"', "c")


def test_what_is_no_bash_is_cut_too():
    assert tokens_of("echo 'open")[0] == "echo"
