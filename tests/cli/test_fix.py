"""`cli-tuner fix` after a command that failed."""

from __future__ import annotations

import pytest

from cli_tuner.cli.fix import ERRORS_MAX, sentence


def test_a_misspelling_needs_no_model(cli):
    ended = cli("fix", "--last", "grpe -rn TODO .", "--status", "127")
    assert (ended.status, ended.out) == (0, "grep -rn TODO .\n")
    assert "safe" in ended.err


def test_a_dangerous_correction_is_not_printed(cli):
    ended = cli("fix", "--last", "chmdo -R 777 /", "--status", "127")
    assert (ended.status, ended.out) == (11, "")
    assert "dangerous" in ended.err


def test_json(cli):
    document = cli("fix", "--last", "grpe x", "--json").document
    assert (document["command"], document["source"]) == ("grep x", "spelling")


def test_otherwise_the_model_is_asked_with_status_and_command(cli, endpoint):
    endpoint.answers.append("mkdir -p a/b/c")
    options = ("--backend", endpoint.url, "--last", "mkdir a/b/c", "--status", "1")
    ended = cli("fix", *options, stdin=b"mkdir: cannot create directory: secret\n")
    assert (ended.status, ended.out) == (0, "mkdir -p a/b/c\n")
    asked = str(endpoint.asked[0]["messages"])
    assert "mkdir a/b/c" in asked
    assert "secret" not in asked, "nobody agreed to share it"


@pytest.mark.parametrize("how", ["option", "variable", "file"])
def test_errors_are_shared_where_the_person_agreed(cli, endpoint, how, tmp_path):
    endpoint.answers.append("mkdir -p a/b/c")
    (tmp_path / "err").write_text("No such file or directory\n")
    options = {"option": ["--errors", "-"], "file": ["--errors", str(tmp_path / "err")]}
    variables = {"CLI_TUNER_SHARE_ERRORS": "1"} if how == "variable" else {}
    cli(
        "fix",
        *("--backend", endpoint.url, "--last", "mkdir a/b/c"),
        *options.get(how, []),
        stdin=b"No such file or directory\n",
        **variables,
    )
    assert "No such file or directory" in str(endpoint.asked[0]["messages"])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--last", ""],
        ["--last", "ls", "--status", "0"],
        ["--last", "ls", "--no-model"],
        ["--last", "ls", "--errors", "/nonexistent"],
    ],
)
def test_what_cannot_be_fixed_is_one_line(cli, arguments):
    ended = cli("fix", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.count("\n") == 1


def test_the_sentence_stays_within_a_query():
    text = sentence("x" * 900, 127, "e" * 900)
    assert len(text) <= 480
    assert "there is no such program" in text
    assert text.count("e" * ERRORS_MAX) == 1
