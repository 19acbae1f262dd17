"""`cli-tuner config`: what is set, where it came from, and changing it without harm."""

from __future__ import annotations

import resource
import subprocess
import tomllib

import pytest

from cli_tuner.settings import setting_names


@pytest.fixture
def file(home):
    path = home / "config" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def test_the_path_is_that_of_the_users_file(cli, home):
    assert cli("config", "path").out == f"{home}/config/config.toml\n"


def test_the_list_names_every_setting_and_its_source(cli, file):
    file.write_text('safety = "strict"\n')
    lines = cli("config", "list", CLI_TUNER_THREADS="3").out.splitlines()
    assert len(lines) == len(setting_names())
    assert any("safety" in line and str(file) in line for line in lines)
    assert any("threads = 3" in line and "CLI_TUNER_THREADS" in line for line in lines)
    settings = cli("config", "--json").document["settings"]
    assert settings["safety"] == {"value": "strict", "source": str(file)}


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("model", "fast", "fast"),
        ("model", "/models/caf\u00e9 \U0001f600.gguf", "/models/caf\u00e9 \U0001f600.gguf"),
        ("model", 'a"b\\c\x7f\t', 'a"b\\c\x7f\t'),
        ("idle_minutes", "2", "2.0"),
        ("threads", "4", "4"),
        ("retain_queries", "yes", "true"),
        ("safety", "strict", "strict"),
    ],
)
def test_what_is_set_can_be_read_again(cli, file, key, value, shown):
    assert cli("config", "set", key, value).status == 0
    assert cli("config", "get", key).out == f"{shown}\n"
    tomllib.loads(file.read_text("utf-8"))


def test_setting_twice_leaves_one_line_and_unsetting_none(cli, file):
    cli("config", "set", "threads", "2")
    cli("config", "set", "threads", "3")
    assert file.read_text() == "threads = 3\n"
    assert cli("config", "unset", "threads").status == 0
    assert file.read_text() == ""
    assert cli("config", "get", "threads").out == "0\n"


def test_comments_and_other_settings_stay(cli, file):
    file.write_text('# mine\nsafety = "strict"  # always\n\nthreads = 2\n')
    cli("config", "set", "threads", "3")
    assert file.read_text() == '# mine\nsafety = "strict"  # always\n\nthreads = 3\n'


def test_a_link_to_somebodys_dotfiles_stays_a_link(cli, file, tmp_path):
    real = tmp_path / "dotfiles.toml"
    real.write_text("threads = 2\n")
    file.symlink_to(real)
    assert cli("config", "set", "threads", "3").status == 0
    assert file.is_symlink()
    assert real.read_text() == "threads = 3\n"


WRONG = [
    (["get", "saftey"], 'did you mean "safety"?'),
    (["set", "saftey", "strict"], 'did you mean "safety"?'),
    (["unset", "saftey"], 'did you mean "safety"?'),
    (["set", "safety", "lax"], "strict"),
    (["set", "threads", "many"], "whole number"),
    (["set", "threads", "-1"], "between"),
    (["set", "idle_minutes", "nan"], "between"),
    (["set", "model", ""], "text"),
    (["set", "model", b"\xff"], "model"),
    (["set", "threads"], "value"),
    (["get"], "key"),
    (["explode"], "explode"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG)
def test_a_wrong_change_is_one_line_and_changes_nothing(cli, file, arguments, said):
    file.write_text("threads = 2\n")
    ended = cli("config", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert file.read_text() == "threads = 2\n"


BROKEN = [
    ("saftey = 1\n", 'did you mean "safety"?'),
    ("safety = \n", "config.toml"),
    ("[table]\nx = 1\n", "table"),
    ("threads = 'x'\n", "whole number"),
    ("\x00", "config.toml"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
@pytest.mark.parametrize("arguments", [["check", "ls"], ["config"], ["generate", "list files"]])
def test_a_broken_file_is_named_and_left_alone(cli, file, text, said, arguments):
    file.write_text(text)
    ended = cli(*arguments)
    assert (ended.status, ended.out) == (2, "")
    assert str(file) in ended.err
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert file.read_text() == text


def test_a_wrong_variable_is_named(cli):
    ended = cli("check", "ls", CLI_TUNER_SAFETY="lax")
    assert ended.status == 2
    assert "CLI_TUNER_SAFETY" in ended.err


def test_a_full_disk_leaves_the_old_file(cli, file, environ):
    file.write_text("threads = 2\n")
    done = subprocess.run(
        [*cli_program(), "config", "set", "model", "x" * 9000],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        # A limit on file sizes makes the write fail as a full disk does.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert file.read_text() == "threads = 2\n"
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def cli_program() -> list[str]:
    import sys

    # Python writes .pyc files, which the limit would cut short.
    return [sys.executable, "-B", "-m", "cli_tuner"]


def test_a_folder_that_cannot_be_made_is_one_line(cli, home):
    home.write_text("a file where the folder should be")
    ended = cli("config", "set", "threads", "2")
    assert ended.status == 2
    assert ended.err.count("\n") == 1
