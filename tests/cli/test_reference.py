"""docs/CLI.md: the page is what the grammar says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from cli_tuner.cli.man import arguments_of, commands_of
from cli_tuner.cli.parser import build_parser
from cli_tuner.cli.reference import main, markdown
from cli_tuner.errors import Exit

ROOT = Path(__file__).parents[2]


def test_the_page_in_the_repository_is_current():
    kept = (ROOT / "docs" / "CLI.md").read_text("utf-8")
    assert markdown() == kept, "docs/CLI.md is not current: make reference"


def test_every_command_has_a_section_and_every_option_a_row():
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", markdown(), re.M | re.S))
    commands = dict(commands_of(build_parser()))
    assert len(commands) > 20
    assert set(commands) <= set(sections)
    for name, command in commands.items():
        for action in arguments_of(command):
            for option in action.option_strings:
                assert re.search(rf"`{re.escape(option)}[ `]", sections[name]), (name, option)


def test_every_exit_status_is_on_the_page():
    table = markdown().partition("## Exit status")[2]
    listed = {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.M)}
    assert listed == {int(status) for status in Exit}


def test_the_page_does_not_depend_on_the_terminal(monkeypatch):
    wide = markdown()
    monkeypatch.setenv("COLUMNS", "40")
    assert markdown() == wide


def test_it_is_written_to_a_file_or_to_stdout(tmp_path, capsys):
    path = tmp_path / "CLI.md"
    assert main([str(path)]) == 0
    assert main([]) == 0
    assert capsys.readouterr().out == path.read_text("utf-8")


def test_the_module_is_a_program():
    ran = subprocess.run(
        [sys.executable, "-m", "cli_tuner.cli.reference"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert ran.stdout.startswith("# Command line\n")
