from __future__ import annotations

import json

import pytest

from cli_tuner.evaluate.execution.constants import constants_of
from cli_tuner.evaluate.execution.derive import WORLDS, worlds
from cli_tuner.sandbox import HOME, run


def paths(number: int, *commands: str) -> set[str]:
    tree = worlds(*commands)[number]
    return {entry.path.removeprefix(f"{HOME}/") for entry in tree.entries}


def test_the_same_commands_give_the_same_trees():
    commands = ("find . -name '*.txt' -size +1M", "ls docs")
    assert worlds(*commands) == worlds(*commands)
    assert len(worlds(*commands)) == WORLDS


def test_what_is_named_is_there():
    assert {"data.csv", "src/inner.txt"} <= paths(0, "sort data.csv", "grep -r foo src")


def test_what_is_written_is_there_only_in_the_last_world():
    assert "out.txt" not in paths(0, "sort data.csv > out.txt")
    assert "out.txt" in paths(2, "sort data.csv > out.txt")


def test_names_lie_on_both_sides_of_a_glob():
    found = paths(0, "find . -name '*.log'")
    assert "fir.log" in found and "fir.log.bak" in found


def test_sizes_and_ages_lie_on_both_sides_of_their_bounds():
    tree = worlds("find . -size +1M -mtime -7")[0]
    sizes = {entry.size for entry in tree.entries}
    ages = {entry.age_s / 86400 for entry in tree.entries}
    assert min(sizes) < 1 << 20 < max(sizes)
    assert min(ages) < 7 < max(ages)


def test_patterns_occur_in_contents_in_other_cases_too():
    tree = worlds("grep -i payment app.log")[0]
    text = next(e.content for e in tree.entries if e.path.endswith("app.log")).decode()
    assert "payment" in text and "PAYMENT" in text
    assert any("payment" not in line.casefold() for line in text.splitlines())


def test_patterns_are_not_words_of_the_language():
    assert constants_of("awk '/total/ {print $1}' a.txt").texts == {"total"}


@pytest.mark.usefixtures("isolated")
@pytest.mark.parametrize(
    "command",
    [
        "tar -tf a.tar.gz",
        "unzip -l b.zip",
        "zcat c.gz",
        "sqlite3 d.db .tables",
        "git log",
        "xzcat e.xz",
    ],
)
def test_what_is_opened_is_really_of_that_kind(command):
    assert run(command, worlds(command)[0]).status == 0


def content(number: int, path: str, *commands: str) -> list[str]:
    tree = worlds(*commands)[number]
    return next(e.content for e in tree.entries if e.path.endswith(path)).decode().splitlines()


def test_what_grep_looks_for_is_a_pattern_also_if_it_is_a_programs_or_a_files_name():
    assert constants_of("grep -w cat pets.txt").texts == {"cat"}
    found = constants_of("grep -F a.b list.txt")
    assert (found.texts, found.there) == ({"a.b"}, {"list.txt"})
    assert {"a.b", "axb"} <= set(content(0, "list.txt", "grep -F a.b list.txt"))


def test_each_column_has_values_below_at_and_above_a_number():
    lines = content(0, "sales.csv", "awk -F, '$3 > 100' sales.csv")
    assert {"99,99,99,99,99,99", "100,100,100,100,100,100"} <= set(lines)


def test_one_world_begins_with_a_line_that_counts():
    first = content(1, "sales.csv", "awk -F, 'NR > 1 {s += $3} END {print s}' sales.csv")[0]
    assert all(field.isdigit() for field in first.split(","))


def test_two_files_that_are_compared_have_an_end_that_is_nearly_the_same():
    one, two = (content(0, name, "diff -i one.txt two.txt") for name in ("one.txt", "two.txt"))
    assert (one[-1], two[-1]) == ("common end", "common end")
    assert "shared line" in one and "Shared Line" in two


def test_a_mode_has_neighbours_with_more_bits_and_with_one_of_them():
    modes = {entry.mode for entry in worlds("find . -perm -022")[0].entries}
    assert {0o022, 0o666, 0o602} <= modes


@pytest.mark.parametrize(
    "command",
    [
        "find . -path ./cache -prune -o -name '*.txt' -print",
        "find . -not -path '*/cache/*' -name '*.txt'",
        "find . -name cache -prune -o -name '*.txt' -print",
        "grep -r --exclude-dir=cache foo .",
    ],
)
def test_what_is_left_out_is_a_folder_with_something_in_it(command: str):
    assert {"cache/inner.txt"} <= paths(0, command)


def test_a_list_is_there_where_a_command_takes_one_of_it():
    def document(command: str):
        return json.loads("\n".join(content(0, "order.json", command)))

    assert len(document("jq '.items[0].name' order.json")["items"]) == 3
    assert len(document("jq '.[1]' order.json")) == 3


def test_some_files_lack_the_pattern_and_a_named_one_never_does():
    tree = worlds("grep -L license *.py")[0]
    has = {b"license" in e.content for e in tree.entries if e.path.endswith(".py")}
    assert has == {True, False}
    assert any("license" in line for line in content(0, "a.py", "grep license a.py"))


def test_what_a_command_makes_and_then_uses_is_missing_in_the_first_world():
    command = "mkdir secret && chmod 700 secret"
    assert "secret" not in paths(0, command)
    assert "secret" in paths(2, command)


def test_a_file_that_is_called_a_link_is_one_in_the_second_world():
    kinds = [
        next(e.kind for e in worlds("cp -L link.txt plain.txt")[n].entries
             if e.path == f"{HOME}/link.txt")
        for n in (0, 1)
    ]  # fmt: skip
    assert kinds == ["file", "link"]
