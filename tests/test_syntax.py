"""bash -n and ShellCheck: many at once says the same as one at a time."""

from __future__ import annotations

import subprocess

import pytest

from cli_tuner import syntax
from cli_tuner.errors import ExtraMissing
from cli_tuner.syntax import faults_of, tool_versions

VALID = [
    "ls -l",
    "echo $HOME | tr a-z A-Z",
    "ls !(a|b)",
    "for f in *; do echo \"$f\"; done",
    "cat <<< word",
    "diff <(sort a) <(sort b)",
    "echo \"it's\" 'a \"b\"'",
    "echo a # a comment with ' in it",
]  # fmt: skip
INVALID = {
    "echo 'a": "bash -n: unexpected EOF while looking for matching",
    'echo "b': "bash -n: unexpected EOF while looking for matching",
    "if true; then": "bash -n: ",
    "ls | | wc": "bash -n: syntax error near unexpected token",
    "foo=$(ls": "bash -n: ",
    "find . -exec rm {} ;": "shellcheck SC2067",
}


def test_valid_commands_have_no_fault():
    assert faults_of(VALID) == [""] * len(VALID)


@pytest.mark.parametrize("command", INVALID)
def test_a_fault_is_named(command):
    (fault,) = faults_of([command])
    assert fault.startswith(INVALID[command])
    assert "\n" not in fault


def test_faults_belong_to_their_commands_wherever_they_stand():
    mixed = [command for pair in zip(INVALID, VALID, strict=False) for command in pair]
    faults = faults_of(mixed)
    assert [bool(fault) for fault in faults] == [True, False] * len(INVALID)


def test_two_open_quotes_do_not_complete_each_other():
    assert all(faults_of(["echo 'a", "b' c"]))
    assert all(faults_of(['echo "a', 'b" c', "ls"])[:2])


def test_a_trailing_backslash_or_here_document_does_not_hide_the_next_command():
    assert faults_of(["ls \\", "| wc", "ls"])[1].startswith("bash -n")
    assert faults_of(["cat << EOF", "ls )", "ls"])[1].startswith("bash -n")


def test_together_and_alone_bash_says_the_same():
    commands = [*VALID, *INVALID, "cat << EOF", "ls \\", "a=(1 2) ls", "((", "[[ -f a ]]", "}"]
    command = ["bash", "-n", "-O", "extglob", "-c"]
    alone = [
        subprocess.run([*command, one], capture_output=True, check=False).returncode
        for one in commands
    ]
    assert [bool(fault) for fault in syntax._bash_faults(commands)] == [
        bool(code) for code in alone
    ]


def test_nothing_is_executed(tmp_path):
    mark = tmp_path / "mark"
    faults_of(
        [f"touch {mark}", f"$(touch {mark})", f"echo `touch {mark}`", f"}}; touch {mark}; {{"]
    )
    assert not mark.exists()


def test_the_tools_say_their_versions():
    assert tool_versions()["shellcheck"].count(".") == 2


def test_without_shellcheck_the_error_says_how_to_get_it(monkeypatch):
    syntax._shellcheck.cache_clear()
    monkeypatch.setattr(syntax.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ExtraMissing, match=r"shellcheck; install it with: pip install 'cli-tuner"):
        syntax._shellcheck()
