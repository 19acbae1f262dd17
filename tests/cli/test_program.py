"""The program as a whole: help, versions, completions, pipes that break, Ctrl-C."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

import pytest

from cli_tuner.guard import check, ruleset_digest
from cli_tuner.prompt import TEMPLATE_SHA256

PROGRAM = [sys.executable, "-m", "cli_tuner"]
COMMANDS = "generate check rules setup models doctor stop config completions".split()
LIGHT = ["cli.main", "cli.parser", "cli.generate", "settings", "errors"]
FORBIDDEN = {"dataclasses", "subprocess", "hashlib", "platformdirs", "pydantic", "httpx", "typing"}


def loaded_by(code: str, environ: dict[str, str]) -> set[str]:
    """The modules that a piece of Python leaves loaded in a fresh interpreter."""
    script = f"import sys\n{code}\nsys.stderr.write(' '.join(sys.modules))"
    arguments = [sys.executable, "-c", script]
    return set(
        subprocess.run(
            arguments, env=environ, capture_output=True, text=True, check=True
        ).stderr.split()
    )


@pytest.mark.parametrize("module", LIGHT)
def test_every_answer_waits_for_these_imports_so_they_are_few(module, environ):
    loaded = loaded_by(f"import cli_tuner.{module}", environ)
    assert loaded & (FORBIDDEN - {"typing"}) - loaded_by("", environ) == set()


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_loads_neither_records_nor_a_client(command, environ):
    arguments = ["--help"] if command is None else [command, "--help"]
    code = (
        "from cli_tuner.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as left:\n    assert left.code == 0"
    )
    assert loaded_by(code, environ) & {"pydantic", "httpx", "rich", "yaml"} == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli, command):
    ended = cli(command, "--help")
    assert ended.status == 0
    assert f"usage: cli-tuner {command}" in ended.out
    assert ended.err == ""


def test_help_names_every_command_and_the_exit_statuses(cli):
    out = cli("--help").out
    assert all(command in out for command in COMMANDS)
    assert "exit status" in out


def test_without_a_command_there_is_help_and_status_2(cli):
    ended = cli()
    assert (ended.status, ended.out) == (2, "")
    assert "usage:" in ended.err


@pytest.mark.parametrize(
    "arguments", [["explode"], ["--explode"], ["check", "a", "b"], ["\x1b[2J"]]
)
def test_a_word_that_is_no_command_is_one_line(cli, arguments):
    ended = cli(*arguments)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert "--help" in ended.err
    assert "\x1b" not in ended.err


def test_the_version_names_every_digest(cli):
    out = cli("--version").out
    for digest in (TEMPLATE_SHA256, ruleset_digest(), check("true").policy_digest):
        assert digest in out
    for part in ("cli-tuner", "prompt", "rules", "policy", "model", "engine"):
        assert part in out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_valid_for_their_shell(cli, shell):
    ended = cli("completions", shell)
    assert ended.status == 0
    assert all(command in ended.out for command in COMMANDS)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here to check them")
    subprocess.run([shell, "-n"], input=ended.out.encode(), check=True, capture_output=True)


def test_models_are_listed_without_any_of_them(cli):
    models = cli("models", "list", "--json").document["models"]
    assert {"fast", "balanced", "large"} <= {model["name"] for model in models}
    assert [model["name"] for model in models if model["active"]] == ["balanced"]
    assert all(len(model["sha256"]) == 64 and model["licence"] for model in models)
    assert "balanced" in cli("models").out


class TestSetup:
    def test_with_a_wrong_file_is_status_3_and_takes_nothing(self, cli, tmp_path, home):
        wrong = tmp_path / "wrong.gguf"
        wrong.write_bytes(b"GGUF" + b"\0" * 100)
        ended = cli("setup", "--model", "fast", "--file", str(wrong))
        assert (ended.status, ended.out) == (3, "")
        assert "wrong.gguf" in ended.err
        assert wrong.exists()
        assert not list((home / "data").rglob("*.gguf"))

    def test_with_a_file_that_is_not_there_is_status_3(self, cli):
        ended = cli("setup", "--model", "fast", "--file", "/nonexistent.gguf")
        assert (ended.status, ended.out) == (3, "")
        assert ended.err.count("\n") == 1

    def test_of_an_unknown_model_is_a_usage_error(self, cli):
        ended = cli("setup", "--model", "fsat")
        assert ended.status == 2
        assert "fast" in ended.err


def test_stopping_nothing_is_fine(cli):
    assert cli("stop").status == 0
    assert cli("stop", "--json").document == {"schema_version": "1", "stopped": 0}


@pytest.mark.parametrize(
    "arguments", ["check ls", "rules", "config", "models", "--version", "--help"]
)
def test_a_reader_who_leaves_is_not_told_about_it(environ, arguments):
    line = f"{sys.executable} -m cli_tuner {arguments} | head -c 0; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], env=environ, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "1", "141")


@pytest.mark.parametrize("arguments", ["check ls", "rules", "config", "models --json"])
def test_a_full_disk_behind_stdout_is_one_line(environ, arguments):
    line = f"{sys.executable} -m cli_tuner {arguments} > /dev/full"
    done = subprocess.run(
        ["bash", "-c", line], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
@pytest.mark.parametrize("arguments", ["check 'rm -rf /'", "check -", "check --jsonl", "config"])
def test_closed_streams_are_no_bug(environ, closed, arguments):
    line = f"{sys.executable} -m cli_tuner {arguments} {closed}"
    run = ["bash", "-c", line]
    done = subprocess.run(run, env=environ, capture_output=True, text=True, input="", check=False)
    assert done.returncode in (0, 1, 2, 11)
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_is_status_130_and_one_line(environ):
    with subprocess.Popen(
        [*PROGRAM, "check", "-"],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        time.sleep(1.5)  # long enough to be reading stdin
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, err) == (b"", b"cli-tuner: cancelled\n")
