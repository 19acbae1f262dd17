"""The program as a whole: help, versions, completions, pipes that break, Ctrl-C."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli_tuner.guard import check, ruleset_digest
from cli_tuner.prompt import TEMPLATE_SHA256

PROGRAM = [sys.executable, "-m", "cli_tuner"]
COMMANDS = "generate check rules setup models doctor stop config completions".split()
LIGHT = ["cli.main", "cli.parser", "cli.generate", "settings", "errors"]
FORBIDDEN = {"dataclasses", "subprocess", "hashlib", "platformdirs", "pydantic", "httpx"}


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
    assert loaded & FORBIDDEN - loaded_by("", environ) == set()


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


class TestCtrlC:
    @pytest.fixture
    def started(self, environ):
        """The program with pipes on all sides, ended if a test did not."""
        processes = []

        def start(*arguments):
            pipe = subprocess.PIPE
            streams = {"stdin": pipe, "stdout": pipe, "stderr": pipe}
            processes.append(subprocess.Popen([*PROGRAM, *arguments], env=environ, **streams))
            return processes[-1]

        yield start
        for process in processes:
            process.kill()
            process.communicate()

    def test_while_judging_is_status_130_and_one_line(self, started):
        process = started("check", "--jsonl")
        process.stdin.write(b'{"id": 1, "command": "ls"}\n')
        process.stdin.flush()
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == (b"", b"cli-tuner: cancelled\n")
        assert process.returncode == 130

    def test_while_waiting_for_a_model_is_the_same(self, started, home):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            process = started("generate", "--backend", url, "list files")
            connection, _ = silent.accept()
            with connection:
                connection.recv(4096)
                process.send_signal(signal.SIGINT)
                assert process.communicate(timeout=30) == (b"", b"cli-tuner: cancelled\n")
        assert process.returncode == 130
        assert not list(home.rglob("*.jsonl"))


@pytest.mark.parametrize("name", ["cli-tuner", "cli_tuner"])
def test_it_is_installed_under_both_names(environ, name):
    script = Path(sys.executable).with_name(name)
    done = subprocess.run([script, "check", "ls"], env=environ, capture_output=True, check=True)
    assert done.stdout.startswith(b"safe")
