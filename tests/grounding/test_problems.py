"""Commands that cannot work here are marked; those that can are not."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import yaml

from cli_tuner.grounding import Installed, problems_in
from cli_tuner.grounding.installed import Kind

USUAL = (
    "ls find grep sort tar git sudo xargs awk sed head tail du date cat wc curl ps stat bash rm cp"
    " mkdir sh env timeout docker".split()
)
AGENT = Path(__file__).parents[1] / "hook" / "agent_commands.yaml"


@pytest.fixture
def machine(tmp_path):
    """`machine(version, help)`: a machine of its own, whose programs say these texts."""

    def made(version="ls (GNU coreutils) 9.1", help_text="", names=USUAL):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (tmp_path / "version").write_text(version)
        (tmp_path / "help").write_text(help_text)
        for name in names:
            path = folder / name
            path.write_text(
                f"#!/bin/sh\necho x >> {tmp_path}/started\n"
                f'case "$1" in --version) cat {tmp_path}/version;; --help) cat {tmp_path}/help;;'
                f" *) touch {tmp_path}/wrong;; esac\n"
            )
            path.chmod(0o755)
        return Installed(tmp_path / "cache", str(folder))

    yield made
    assert not (tmp_path / "wrong").exists(), "a program was started to do something"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("fnd . -name x", "fnd is not installed here"),
        ("ls | frobnicate", "frobnicate is not installed here"),
        ("sudo frobnicate x", "frobnicate is not installed here"),
        ("find . -exec frobnicate {} +", "frobnicate is not installed here"),
        ("find . -nmae x", "find has no option -nmae"),
        ("ls --zap", "ls has no option --zap"),
        ("grep -Q x y", "grep has no option -Q"),
        ("cat x | sort --upside-down", "sort has no option --upside-down"),
    ],
)
def test_what_cannot_work_is_marked(command, problem, machine):
    assert problems_in(command, machine()) == (problem,)


@pytest.mark.parametrize(
    "command",
    [
        "ls -la",
        "find . -name '*.txt' -mtime +7 -print0 | xargs -0 rm -f",
        "grep -rn --include='*.py' TODO .",
        "grep --recurs x .",
        "tar czf a.tgz b",
        "git status",
        "cd /tmp && echo $HOME",
        "f() { ls; }; f",
        "./frobnicate x",
        "/opt/x/frobnicate",
        "$EDITOR x",
        "if [ -f x ]; then ls; fi",
        "ls -- --zap",
        "for f in *; do wc -l $f; done",
        "",
        "'open",
    ],
)
def test_what_can_work_is_not(command, machine):
    assert problems_in(command, machine()) == ()


@pytest.mark.parametrize("command", yaml.safe_load(AGENT.read_text("utf-8"))["silent"])
def test_no_command_of_an_agent_has_a_wrong_option(command, machine):
    found = [problem for problem in problems_in(command, machine()) if "installed" not in problem]
    assert found == []


def test_a_newer_program_may_have_an_option_that_the_table_lacks(machine):
    assert problems_in("ls --zap", machine(help_text="  --zap   zaps\n")) == ()


def test_help_is_asked_once_and_kept_until_the_program_changes(machine, tmp_path):
    here = machine(help_text="  --zap   zaps\n")
    for _ in range(3):
        assert problems_in("ls --zap", here) == ()
    (tmp_path / "help").write_text("nothing\n")
    again = Installed(tmp_path / "cache", str(tmp_path / "bin"))
    assert problems_in("ls --zap", again) == (), "the program's file is the same"
    assert (tmp_path / "started").read_text().count("x") == 1
    kept = tmp_path / "cache" / "ls.json"
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    os.utime(tmp_path / "bin" / "ls", (1, 1))
    fresh = Installed(tmp_path / "cache", str(tmp_path / "bin"))
    assert problems_in("ls --zap", fresh) == ("ls has no option --zap",)
    kept.write_text(json.dumps(["no object"]))
    assert problems_in("ls --zap", Installed(tmp_path / "cache", str(tmp_path / "bin"))) != ()


def test_a_program_that_is_not_on_the_list_is_never_started(machine, tmp_path):
    here = machine(names=["git", "frob"])
    assert here.options_in_help("frob") == frozenset()
    assert here.options_in_help("git") == frozenset()
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("ls (GNU coreutils) 9.1", Kind.GNU),
        ("ls: unrecognized option '--version'\nBusyBox v1.36", Kind.BUSYBOX),
        ("ls: unrecognized option `--version'\nusage: ls [-@ABC]", Kind.BSD),
        ("", Kind.UNKNOWN),
    ],
)
def test_whose_tools_these_are(version, kind, machine):
    assert machine(version).kind() is kind


@pytest.mark.parametrize(
    "command",
    ["date -d yesterday", "stat -c %s x", "find . -printf '%s'", "ls --color", "grep -P x"],
)
def test_what_only_gnu_has_is_marked_elsewhere(command, machine):
    assert problems_in(command, machine()) == ()
    (problem,) = problems_in(command, machine("usage: ls [-@ABC]"))
    assert "GNU tools only" in problem


def test_the_programs_of_this_machine_agree_with_the_tables():
    here = Installed()
    for command in ("ls -la", "grep -rn x .", "sort -k2 x", "head -n 3 x", "du -sh ."):
        assert problems_in(command, here) == ()


def test_what_help_says_about_options_is_kept_too(machine):
    text = (
        "Usage\n  -z, --zap=N   zaps N times\n      --long-one\n                 in the next line\n"
    )
    assert machine(help_text=text).meanings_in_help("ls") == {
        "-z": "zaps N times",
        "--zap": "zaps N times",
        "--long-one": "in the next line",
    }


def test_what_an_older_version_kept_is_asked_again(machine, tmp_path):
    here = machine(help_text="  --zap   zaps\n")
    assert here.options_in_help("ls") == {"--zap"}
    (kept,) = tmp_path.rglob("ls.json")
    kept.write_text(kept.read_text().replace('{"--zap": "zaps"}', '["--zap"]'))
    again = machine(help_text="  --zap   zaps\n")
    assert again.meanings_in_help("ls") == {"--zap": "zaps"}
