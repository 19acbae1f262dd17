from __future__ import annotations

from dataclasses import replace

import pytest

from cli_tuner.errors import ConfigError
from cli_tuner.evaluate.execution.check import SEEN, Checker, check
from cli_tuner.evaluate.execution.task import Task, read_tasks

TASK = Task(
    id="t",
    area="a",
    half="dev",
    query="count the lines of notes.txt",
    tree=(("notes.txt", "one\ntwo\n"), ("b2.txt 10", None)),
    setup=(),
    each=(),
    references=("wc -l notes.txt", "grep -c '' notes.txt"),
    wrong=("wc -c notes.txt", "ls"),
    see="numbers",
)


@pytest.mark.usefixtures("isolated")
@pytest.mark.parametrize(
    ("see", "reference", "passes", "fails"),
    [
        ("numbers", "wc -l notes.txt", "wc -l < notes.txt", "wc -c notes.txt"),
        ("words", "wc -l notes.txt", "echo '2   notes.txt'", "wc -l < notes.txt"),
        ("names", "ls", "ls -l", "ls b2.txt"),
        ("names in order", "ls", "ls -1", "ls -r"),
        ("lines", "cat notes.txt", "tac notes.txt", "head -n 1 notes.txt"),
        ("ordered", "cat notes.txt", "cat ./notes.txt", "tac notes.txt"),
        ("files", "cp notes.txt c.txt", "cp -v notes.txt c.txt", "mv notes.txt c.txt"),
        ("", "touch c.txt", "touch c.txt && echo done", "touch d.txt"),
        ("", "cat notes.txt", "head -n 9 notes.txt", "cat notes.txt > c.txt"),
    ],
)
def test_what_is_looked_at_decides(see, reference, passes, fails):
    checker = Checker(replace(TASK, see=see, references=(reference,)))
    assert checker.check(passes).answer == "equivalent"
    assert checker.check(fails).answer == "different"


@pytest.mark.usefixtures("isolated")
@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (None, "no command"),
        ("ls 'x", "not valid bash"),
        ("sleep 60", "stopped"),
        ("wc -l notes.txt; rm b2.txt", "deleted"),
        ("curl http://example.org", "network"),
        ("echo 17", "prints"),
    ],
)
def test_a_failure_says_why(candidate, reason):
    found = check(TASK, candidate)
    assert found.answer == "different"
    assert reason in found.reason


def test_every_way_of_looking_is_known():
    assert set(SEEN) | {"files"} == {
        "lines", "ordered", "numbers", "words", "names", "names in order", "files",
    }  # fmt: skip


def test_a_task_survives_being_a_row():
    assert Task.of_row(TASK.as_row()) == TASK


def test_a_row_that_lacks_something_is_refused():
    with pytest.raises(ConfigError, match="no task"):
        Task.of_row({"id": "x", "query": "y"})


GIVEN = "area: a\ndev:\n- {id: x, ask: do it, do: ls, not: [a, b]%s}\ntest: []\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GIVEN % ", sea: lines", "unknown key sea"),
        (GIVEN % ", see: colours", "see is one of"),
        (GIVEN % ", tree: nowhere", "nowhere"),
        ("area: [", "a.yaml"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        read_tasks(tmp_path)
    assert "a.yaml" in str(error.value)


def test_two_tasks_have_two_names(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(GIVEN % "")
    with pytest.raises(ConfigError, match="one name: a-x"):
        read_tasks(tmp_path)
