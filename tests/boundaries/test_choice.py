"""Which of several commands comes first."""

from __future__ import annotations

from cli_tuner.boundaries.choice import features_of, likeness, ranked
from cli_tuner.guard import check
from cli_tuner.records import Safety, ValidatedCommand, new_request_id

ID = new_request_id()


def validated(command):
    verdict = check(command)
    return ValidatedCommand(request_id=ID, command=command, verdict=verdict, safety=Safety.MODERATE)


def first(*commands, votes=None, missing=()):
    def problems(command):
        return tuple(f"{name} is not installed here" for name in missing if name in command.split())

    found = [validated(command) for command in commands]
    return ranked(found, votes or [1] * len(found), problems)[0].command


def test_the_one_on_which_the_others_agree_comes_first():
    odd, usual = "ls -R", "find . -type f -size +100M"
    assert (
        first(odd, usual, "find . -size +100M -type f", "find . -type f -size +100M -ls") == usual
    )


def test_the_same_output_twice_counts_twice():
    assert first("ls -l", "du -sh *", votes=[1, 3]) == "du -sh *"


def test_two_cannot_outvote_each_other():
    assert first("ls -l", "du -sh *") == "ls -l"


def test_what_cannot_work_here_comes_last():
    assert first("fd x", "find . -name x", missing=["fd"]) == "find . -name x"
    assert first("fd x", "fd x -H", "find . -name x", missing=["fd"]) == "find . -name x"


def test_of_equals_the_safer_comes_first():
    assert first("git reset --hard", "git reset") == "git reset"


def test_a_single_one_is_not_asked_about():
    assert first("fd x", missing=["fd"]) == "fd x"


def test_the_spelling_of_options_does_not_matter():
    one, other = validated("head --lines=5 x"), validated("head -n 5 x")
    assert likeness(features_of(one), features_of(other)) == 1
    assert likeness(features_of(one), features_of(validated("df -h"))) == 0
    assert likeness(frozenset(), frozenset()) == 1
