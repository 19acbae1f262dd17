"""Every shell command that the documents show is executed by a test, or it is said why not."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from cli_tuner.cli.parser import build_parser

ROOT = Path(__file__).parents[2]


def module(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = loaded
    spec.loader.exec_module(loaded)
    return loaded


READER = module(Path(__file__).with_name("shown.py"))
SHOWN = READER.shown()
LEDGER = yaml.safe_load(Path(__file__).with_name("commands.yaml").read_text("utf-8"))
SYNOPSIS = re.compile(r"configs/\.\.\.yaml")
IN_REPOSITORY = re.compile(r"(?<![\w./-])((?:benchmarks|configs|datasets|deploy|tests)/[\w./-]+)")


def fits(pattern: str, command: str) -> bool:
    """`*` is anything; everything else is itself, brackets too."""
    return fnmatchcase(command, re.sub(r"([\[?])", r"[\1]", pattern))


def entry_of(one):
    """What the ledger says of a command, or None."""
    for entry in LEDGER["pages"]:
        if fits(entry["page"], one.page) and entry["language"] == one.language:
            return entry
    return next((entry for entry in LEDGER["commands"] if fits(entry["like"], one.command)), None)


TO_RUN = {one.command: entry_of(one)["run"] for one in SHOWN if "run" in (entry_of(one) or {})}


def test_commands_are_found_in_every_kind_of_block():
    assert len(SHOWN) > 100
    assert {one.language for one in SHOWN} == {"console", "sh", "bash", "fish", ""}
    assert len({one.page for one in SHOWN}) > 15


@pytest.mark.parametrize("page", sorted({one.page for one in SHOWN}))
def test_every_command_of_a_page_is_executed_or_it_is_said_why_not(page):
    unsaid = [one.command for one in SHOWN if one.page == page and entry_of(one) is None]
    assert not unsaid, f"{page}: not in tests/docs/commands.yaml: {unsaid}"


def test_an_entry_says_one_of_three_things_and_is_used():
    used = [id(entry_of(one)) for one in SHOWN]
    for entry in [*LEDGER["pages"], *LEDGER["commands"]]:
        assert len({"run", "by", "why_not"} & set(entry)) == 1, entry
        assert id(entry) in used, f"no page shows this any more: {entry}"


@pytest.mark.parametrize(
    "test", sorted({one["by"] for one in [*LEDGER["pages"], *LEDGER["commands"]] if "by" in one})
)
def test_the_test_that_executes_it_is_there(test):
    path, _, name = test.partition("::")
    text = (ROOT / path).read_text("utf-8")
    assert f"def {name or 'test_'}" in text


@pytest.mark.parametrize("command", sorted({one.command for one in SHOWN}))
def test_what_a_command_names_is_there(command):
    """Options, make targets, extras and files of the repository, whether it is executed or not."""
    assert command
    if not SYNOPSIS.search(command):
        for words in READER.calls_of_program(command):
            if words != ["--version"]:
                build_parser().parse_args(words)
        for path in IN_REPOSITORY.findall(command):
            assert (ROOT / path).exists(), path
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"\bmake ([a-z-]+)", command):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for extras in re.findall(r"cli-tuner\[([\w,]+)\]", command):
        for extra in extras.split(","):
            assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra


@pytest.fixture
def desk(tmp_path, endpoint):
    """A home of its own, a script to judge, and an endpoint that answers."""
    (tmp_path / "build.sh").write_text("#!/bin/sh\nmake -j2\n", encoding="utf-8")
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "CLI_TUNER_HOME": str(tmp_path / "home"),
        "CLI_TUNER_BACKEND": endpoint,
    }


@pytest.mark.parametrize(("command", "status"), sorted(TO_RUN.items()))
def test_a_command_ends_as_it_should(command, status, desk, tmp_path):
    ran = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=desk, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == status, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
