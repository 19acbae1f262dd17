from __future__ import annotations

import pytest

from cli_tuner.publish.markdown import Cell, code, plain, quote, table, table_of


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (0.25, "0.25"),
        ("a|b", r"a\|b"),
        ("<script>", r"\<script>"),
        ("[x](http://y)", r"\[x\](http://y)"),
        ("two\nlines", "two lines"),
        ("\u202eevil", "evil"),
        ("https://example.org/a_b", "<https://example.org/a_b>"),
        ("https://example.org/<b>", r"https://example.org/\<b>"),
        (["a", 1], "a, 1"),
        ({"a": 1}, "a 1"),
        ([], "-"),
    ],
)
def test_a_value_is_shown_as_it_is_and_obeyed_by_nobody(value, shown):
    assert plain(value) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("ls", "`ls`"), ("a`b", "`` a`b ``"), ("a|b", "`a\\|b`"), ("a\nb", "`a b`")]
)
def test_code_holds_whatever_it_holds(text, shown):
    assert code(text) == shown


def test_numbers_are_aligned_to_the_right():
    made = table(("name", "rows", "share"), [["a", 1, Cell("1.0 %")], ["b|c", 1000, Cell("99 %")]])
    assert made.splitlines() == [
        "| name | rows | share |",
        "| --- | ---: | ---: |",
        "| a | 1 | 1.0 % |",
        r"| b\|c | 1,000 | 99 % |",
    ]


def test_records_become_a_table_of_all_their_keys():
    made = table_of([{"a": 1}, {"a": 2, "b": "x"}])
    assert made.splitlines()[0] == "| a | b |"
    assert made.splitlines()[2:] == ["| 1 | - |", "| 2 | x |"]


def test_a_mapping_becomes_names_and_values():
    assert table_of({"x": 1}, head=("kind", "rows")).splitlines()[2] == "| x | 1 |"
    nested = table_of({"x": {"a": 1}, "y": {"a": 2}}, head=("kind", "rows"))
    assert nested.splitlines() == ["| kind | a |", "| --- | ---: |", "| x | 1 |", "| y | 2 |"]


def test_a_list_of_texts_becomes_a_list():
    assert table_of(["a", "b"]) == "- a\n- b"
    assert table_of("a*b") == r"a\*b"


def test_a_quotation_keeps_its_lines():
    assert quote("one\n\n<two>") == "> one\n>\n> \\<two>"
