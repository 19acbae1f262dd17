from __future__ import annotations

import pytest

from cli_tuner.evaluate.execution.text import order_counts, shown_lines, space_counts


@pytest.mark.parametrize(
    ("reference", "request_", "counts"),
    [
        ("find . -name '*.py'", "", False),
        ("grep -rn TODO src", "", False),
        ("ls", "", False),
        ("find . -type f | sort", "", True),
        ("find . -type f | head -n 3", "", True),
        ("ls -t", "", True),
        ("find . -type f", "list all files sorted by name", True),
        ("find . -type f", "list all files, largest first", True),
        ("cat notes.txt", "", True),
        ("tac notes.txt", "", True),
        ("grep error app.log", "", True),
    ],
)
def test_order_counts_unless_it_is_that_of_a_directory(reference, request_, counts):
    assert order_counts(reference, request_) is counts


def test_what_is_declared_not_to_count_does_not_count():
    assert shown_lines(b"./a.txt  \n./sub/b.txt\n\n\n") == ("a.txt", "sub/b.txt")
    assert shown_lines(b"12:./a:x\n") == ("12:a:x",)
    assert shown_lines(b"b\na\n", ordered=False) == ("a", "b")


def test_what_is_not_declared_counts():
    assert shown_lines(b"  a\n") == ("  a",)
    assert shown_lines(b"../a\n") == ("../a",)
    assert shown_lines(b"x./a\n.\n./\n") == ("x./a", ".", "./")
    assert shown_lines(b"a\n\nb\n") == ("a", "", "b")
    assert shown_lines(b"a \n", exact=True) == ("a ", "")


def test_a_command_about_space_at_line_ends_is_compared_with_it():
    assert space_counts("sed 's/[[:space:]]*$//' notes.txt")
    assert space_counts("sed -i 's/ *$//' notes.txt")
    assert not space_counts("grep 'end$' notes.txt")
