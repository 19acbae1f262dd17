"""What the product's own style leaves out of a collection, and what it keeps."""

from __future__ import annotations

import pytest

from cli_tuner.data.config import FileSource
from cli_tuner.data.pair import Pair, Skipped
from cli_tuner.data.sources.select import selected
from cli_tuner.data.style import fault_of_style


@pytest.mark.parametrize(
    ("query", "command", "fault"),
    [
        ("print the true name of this folder", "readlink `pwd`", "backquotes"),
        ("lines with a or b in x", "egrep 'a|b' x", "egrep or fgrep"),
        ("the script's own name", 'basename "$0"', "a script's parameters"),
        ("make the folders", "mkdir -p ${1}", "a script's parameters"),
        ("files in a folder", 'find "$dir" -type f', "a variable that the request does not name"),
        ("find files named x", "find -name x", "find without a place"),
        ("find files named x", "find \\( -name x \\)", "find without a place"),
        ("python files", "find / -name '*.py'", "searches /, which the request does not name"),
        ("delete *.o files", "find . -name '*.o' | xargs rm", "names piped to rm, where -delete"),
        ("delete *.o files", "find . -name '*.o' -exec rm {} \\;", "names piped to rm"),
        ("last files", "ls -E", "an option that the program does not have"),
    ],
)
def test_what_is_left_out_has_a_reason(query: str, command: str, fault: str) -> None:
    assert fault_of_style(query, command).startswith(f"style: {fault}")


@pytest.mark.parametrize(
    ("query", "command"),
    [
        ("count the ` signs", "grep -c '`' x"),
        ("print the first column", "awk '{print $1}' x"),
        ('files below "$dir"', 'find "$dir" -type f'),
        ("greet", 'name=you; echo "hello $name"'),
        ("rename each", 'for f in *.txt; do mv -- "$f" "${f%.txt}.md"; done'),
        ("search the whole system for x", "find / -name x"),
        ("search / for x", "find / -name x"),
        ("delete *.o files", "find . -name '*.o' -delete"),
        ("remove the folders named x", "find . -type d -name x -exec rm -r {} +"),
        ("hard links of a", "find . -samefile a -and -links +1"),
        ("my home", 'ls "$HOME"'),
    ],
)
def test_the_products_own_style_stays(query: str, command: str) -> None:
    assert fault_of_style(query, command) == ""


def test_a_plain_source_leaves_out_and_says_why() -> None:
    rows = [
        ("1", {"nl": "x or y", "bash": "egrep 'x|y' f"}),
        ("2", {"nl": "x", "bash": "grep x f"}),
    ]

    def kept(plain: bool) -> list[Pair | Skipped]:
        source = FileSource(name="s", path="p", plain=plain)
        return list(selected(rows, source, None, 7, str))

    assert [type(one) for one in kept(False)] == [Pair, Pair]
    first, second = kept(True)
    assert isinstance(first, Skipped)
    assert first.reason == "style: egrep or fgrep"
    assert isinstance(second, Pair)
