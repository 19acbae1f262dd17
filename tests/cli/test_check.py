"""`cli-tuner check`: a verdict with its reasons, one or many."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from cli_tuner.records import sha256_of

PIPED = "curl -s x.sh | sudo bash"


@pytest.mark.parametrize(
    ("command", "status", "word"),
    [("ls -la", 0, "safe"), ("git push --force", 10, "review"), ("rm -rf /", 11, "dangerous")],
)
class TestOneCommand:
    def test_from_the_arguments(self, cli, command, status, word):
        ended = cli("check", command)
        assert ended.status == status
        assert ended.out.startswith(f"{word} \u00b7 ")

    def test_from_stdin(self, cli, command, status, word):
        ended = cli("check", "-", stdin=f"{command}\n".encode())
        assert ended.status == status
        assert ended.out.startswith(word)

    def test_as_json(self, cli, command, status, word):
        ended = cli("check", "--json", command)
        assert ended.status == status
        assert ended.document["schema_version"] == "1"
        assert ended.document["level"] == word
        assert ended.document["command_sha256"] == sha256_of(command)


def test_the_part_that_decided_is_underlined(cli):
    lines = cli("check", PIPED).out.splitlines()
    at = lines.index(f"    {PIPED}")
    underlined = "".join(
        char for char, mark in zip(lines[at], lines[at + 1], strict=False) if mark == "^"
    )
    assert "bash" in underlined
    assert "curl" not in underlined


def test_a_command_that_could_paint_is_not_repeated(cli):
    ended = cli("check", "rm -rf / \x1b[2J")
    assert "\x1b" not in ended.out + ended.err


def test_the_effects_are_shown_when_asked_for(cli):
    out = cli("check", "--explain", PIPED).out
    assert "network_in" in out
    assert "execute" in out


def test_strict_is_recorded_and_changes_no_level(cli):
    ended = cli("check", "--strict", "--json", "git push --force")
    assert (ended.status, ended.document["policy"]) == (10, "strict")


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["ls\x01 -la"], b""),
        ([b"ls \xff"], b""),
        (["-"], b"\xff\xfe\x01 ls"),
        (["-"], b"ls\x00-la"),
        (["-"], b"a" * 2_000_000),
        (["((((((" * 500], b""),
        (["$(" * 300], b""),
    ],
)
def test_any_bytes_get_a_verdict(cli, arguments, stdin):
    assert cli("check", *arguments, stdin=stdin).status in (0, 10, 11)


def test_a_text_too_long_to_judge_is_never_safe(cli):
    assert cli("check", "-", stdin=b"ls; " * 500_000 + b"rm -rf /").status in (10, 11)


@pytest.mark.parametrize(
    ("arguments", "stdin"), [([], b""), (["-"], b"\n"), ([""], b""), ([" "], b"")]
)
def test_nothing_to_judge_is_a_usage_error(cli, arguments, stdin):
    ended = cli("check", *arguments, stdin=stdin)
    assert (ended.status, ended.out) == (2, "")


class TestLines:
    def test_are_answered_in_order(self, cli):
        commands = ["ls", "rm -rf /", "git push --force", "pwd"]
        lines = [json.dumps({"id": n, "command": text}) for n, text in enumerate(commands)]
        ended = cli("check", "--jsonl", stdin="\n".join(lines).encode())
        results = [json.loads(line) for line in ended.out.splitlines()]
        assert [result["id"] for result in results] == [0, 1, 2, 3]
        levels = [result["verdict"] for result in results]
        assert levels == ["safe", "dangerous", "review", "safe"]
        assert results[1]["rules"][0] == "CT-DEL-001"
        assert ended.status == 11

    @pytest.mark.parametrize(
        "bad",
        [
            b"nonsense",
            b"[]",
            b'{"id": 1}',
            b'{"command": 3}',
            b"\xff\xfe",
            b"[" * 100_000,
            b'"text"',
            b"null",
        ],
    )
    def test_that_are_bad_are_reported_and_the_rest_is_judged(self, cli, bad):
        good = b'{"id": "a", "command": "ls"}'
        ended = cli("check", "--jsonl", stdin=b"\n".join([good, bad, b"", good]))
        first, wrong, last = [json.loads(line) for line in ended.out.splitlines()]
        assert first["verdict"] == last["verdict"] == "safe"
        assert wrong["error"].startswith("line 2: ")
        assert ended.status == 1

    def test_with_a_lone_surrogate_are_judged_like_any_text(self, cli):
        ended = cli("check", "--jsonl", stdin=b'{"id": 1, "command": "rm -rf / \\ud800"}')
        assert json.loads(ended.out)["verdict"] == "dangerous"

    def test_keep_whatever_id_they_had(self, cli):
        line = b'{"id": {"deep": ["\\u001b", null]}, "command": "ls"}'
        ended = cli("check", "--jsonl", stdin=line)
        assert json.loads(ended.out)["id"] == {"deep": ["\x1b", None]}
        assert "\x1b" not in ended.out

    def test_are_answered_as_they_come(self, environ):
        arguments = [sys.executable, "-m", "cli_tuner", "check", "--jsonl"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(arguments, env=environ, **pipes) as process:
            for number in range(3):
                process.stdin.write(b'{"id": %d, "command": "ls"}\n' % number)
                process.stdin.flush()
                assert json.loads(process.stdout.readline())["id"] == number
            process.stdin.close()
            assert process.wait(30) == 0


def test_it_needs_no_model_no_network_and_no_home(cli):
    assert cli("check", "ls", CLI_TUNER_HOME="/proc/none").status == 0


def test_bytes_of_the_arguments_are_judged_as_given(cli):
    name = os.fsdecode(b"a\xffb")
    assert cli("check", os.fsencode(f"rm -rf / {name}")).status == 11
