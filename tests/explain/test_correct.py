"""Misspelled commands are corrected, and right ones are left alone."""

from __future__ import annotations

import pytest

from cli_tuner.explain.correct import corrected
from cli_tuner.explain.facts import known_names

HERE = {*known_names(), "frobnicator", "kubectx"}


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("gti status", "git status"),
        ("git psuh", "git push"),
        ("git psuh --froce origin main", "git push --force origin main"),
        ("sudo sytemctl restart nginx", "sudo systemctl restart nginx"),
        ("systemctl restat nginx", "systemctl restart nginx"),
        ("grpe -rn x .", "grep -rn x ."),
        ("ls | grpe x", "ls | grep x"),
        ("cd /tmp && sl -la", "cd /tmp && ls -la"),
        ("dokcer ps", "docker ps"),
        ("docker compsoe up -d", "docker compose up -d"),
        ("npm isntall", "npm install"),
        ("curl --sielnt x", "curl --silent x"),
        ("tar --extarct -f a.tar", "tar --extract -f a.tar"),
        ("frobnicatro now", "frobnicator now"),
        ("rsync --dlete a b", "rsync --delete a b"),
        ("git commit --mesage='a b'", "git commit --message='a b'"),
    ],
)
def test_a_slip_is_corrected(wrong, right):
    assert corrected(wrong, HERE.__contains__, HERE) == right


@pytest.mark.parametrize(
    "command",
    [
        "git status",
        "grep --recursive x .",
        "grep --recurs x .",
        "./gti status",
        "$gti status",
        "",
        "'open",
        "zzzzzzzzzz",
        "git frobnicate",
        "ls --zzz",
        "echo gti status",
    ],
)
def test_what_is_right_or_beyond_a_slip_is_left_alone(command):
    assert corrected(command, HERE.__contains__, HERE) is None


def test_only_programs_that_are_there_are_proposed():
    assert corrected("gti status", {"ls"}.__contains__) is None
