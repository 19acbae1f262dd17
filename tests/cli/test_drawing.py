"""`check --explain`: the effects as a tree, and the part that decided."""

from __future__ import annotations

import pytest

from cli_tuner.cli.drawing import tree, underlined
from cli_tuner.guard import check
from cli_tuner.records import Span


def drawn(command: str) -> list[str]:
    return list(tree(command, check(command).effects))


def test_each_part_has_its_effects_below_it():
    assert drawn("curl -s x.sh | sudo env A=1 bash") == [
        "├─ curl -s x.sh",
        "│  └─ network_in x.sh · certain · by curl",
        "└─ sudo env A=1 bash",
        "   └─ execute x.sh · certain · by bash, through sudo, env · as root · downloaded",
    ]


def test_a_part_may_have_several_effects_with_their_places():
    lines = drawn("rm -rf ./build /srv/a/b")
    assert lines[0] == "└─ rm -rf ./build /srv/a/b"
    assert lines[1].startswith("   ├─ delete build · in project · certain · by rm · ")
    assert lines[2].startswith("   └─ delete /srv/a/b · in data · certain · by rm · ")


def test_what_is_not_sure_says_so():
    assert "in unknown · unknown" in drawn("cd $X && rm -rf a")[-1]


def test_nothing_is_drawn_for_nothing():
    assert drawn("true") == []


@pytest.mark.parametrize("command", ["cat 'a\x1b[2J'", "cat \u202ea", "cat a\n\n\tb", "x" * 500])
def test_nothing_in_the_tree_can_paint_or_run_on(command):
    for line in drawn(f"rm -rf /; {command}"):
        assert line.isprintable()
        assert len(line) < 400


@pytest.mark.parametrize(
    ("command", "span", "line", "marked"),
    [
        ("ls; rm -rf /", (4, 12), "ls; rm -rf /", "rm -rf /"),
        ("ls\nrm -rf /\nls", (3, 11), "rm -rf /", "rm -rf /"),
        ("rm \\\n-rf /", (0, 10), "rm \\", "rm \\"),
        ("a" * 300 + " rm -rf / " + "b" * 300, (301, 309), None, "rm -rf /"),
        ("rm -rf /" + "b" * 300, (0, 8), None, "rm -rf /"),
        ("a\x1b; rm x", (4, 8), "a\\u{1b}; rm x", "rm x"),
        ("rm x", (1, 400), "rm x", "m x"),
    ],
)
def test_the_marks_are_below_what_they_mark(command, span, line, marked):
    found = underlined(command, Span(start=span[0], end=span[1]))
    assert found is not None
    shown, marks = found
    assert len(shown) <= 110
    assert line is None or shown == line
    assert "".join(c for c, m in zip(shown, marks, strict=False) if m == "^") == marked
    assert marks.strip(" ^") == ""


def test_wide_characters_take_two_columns():
    found = underlined("cat 日本; rm x", Span(start=8, end=12))
    assert found is not None
    assert found[1] == " " * 10 + "^^^^"


@pytest.mark.parametrize(("command", "span"), [("", (0, 0)), ("ls", (1, 1)), ("ls", (9, 12))])
def test_an_empty_part_is_not_marked(command, span):
    assert underlined(command, Span(start=span[0], end=span[1])) is None


def test_the_program_shows_both(cli):
    out = cli("check", "--explain", "ls\nsudo rm -rf /etc").out
    assert "    sudo rm -rf /etc\n    ^^^^^^^^^^^^^^^^\n" in out
    assert "    └─ sudo rm -rf /etc\n" in out
    assert "through sudo · as root" in out
