"""`cli-tuner history`, `man`, `--plain`, and --explain on generate."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess

import pytest

from cli_tuner.cli.man import page
from cli_tuner.cli.parser import build_parser


class TestHistory:
    def test_nothing_yet(self, cli):
        assert cli("history").out == "no answer yet\n"

    def test_newest_first_with_ids_and_levels(self, cli, generate):
        generate("list files", answer="ls -la")
        generate("wipe this machine", answer="rm -rf /")
        lines = cli("history").out.splitlines()
        assert len(lines) == 2
        assert "refused: dangerous" in lines[0]
        assert re.search(r" · \w{6} · safe · ls -la$", lines[1])
        assert len(cli("history", "-n", "1").out.splitlines()) == 1

    def test_one_by_its_id(self, cli, generate):
        made = generate("--json", "list files", answer="ls -la").document
        shown = cli("history", made["request_id"][-6:]).out
        assert made["request_id"] in shown
        assert "ls -la" in shown

    def test_queries_are_there_only_if_they_are_kept(self, cli, generate):
        generate("list my files", answer="ls")
        assert "list my files" not in cli("history").out
        generate("list my files", answer="ls", CLI_TUNER_RETAIN_QUERIES="true")
        assert "list my files" in cli("history").out

    def test_json(self, cli, generate):
        generate("list files", answer="ls -la")
        (answer,) = cli("history", "--json").document["answers"]
        assert answer["command"] == "ls -la"

    @pytest.mark.parametrize("arguments", [["ZZZZZZ"], ["-n", "0"], ["x"]])
    def test_what_is_not_there_is_one_line(self, cli, arguments):
        ended = cli("history", *arguments)
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.count("\n") == 1


class TestPlain:
    def test_nothing_is_drawn(self, cli):
        for arguments in (["check", "rm -rf /", "--explain"], ["explain", "rm -rf / | cat"]):
            out = cli(*arguments, "--plain").out
            assert not set("·├└│─^") & set(out)
            assert "dangerous, CT-DEL-001" in out

    def test_it_can_be_a_setting(self, cli):
        assert cli("config", "set", "color", "plain").status == 0
        assert "safe, reads files only" in cli("check", "cat x").out

    def test_generate_too(self, generate):
        err = generate("--plain", "list files", answer="ls -la").err
        assert "safe, changes nothing" in err
        assert "·" not in err


def test_generate_explains_the_parts(generate):
    ended = generate("--explain", "list files", answer="ls -la")
    assert ended.out == "ls -la\n"
    assert "one a line, with rights, owner, size and time" in ended.err


class TestManual:
    def test_every_command_and_option_is_in_it(self, cli):
        text = cli("man").out
        parser = build_parser()
        commands = next(a for a in parser._actions if hasattr(a, "choices") and a.choices)
        for name, command in commands.choices.items():
            assert f'.SS "cli-tuner {name}"' in text.replace(r"\-", "-")
            shown = [action for action in command._actions if action.help != argparse.SUPPRESS]
            for action in shown[1:]:  # the first is --help
                for option in action.option_strings:
                    assert option in text.replace(r"\-", "-"), (name, option)

    def test_nothing_in_it_is_taken_for_a_request(self):
        for line in page():
            assert not line.startswith("'")
            if line.startswith("."):
                assert re.match(r"\.(TH|SH|SS|TP|B)\b", line), line

    def test_man_can_read_it(self, cli, tmp_path):
        if shutil.which("groff") is None and shutil.which("man") is None:
            pytest.skip("there is no man here")
        path = tmp_path / "cli-tuner.1"
        path.write_text(cli("man").out)
        if shutil.which("groff"):
            command = ["groff", "-man", "-Tutf8", "-ww", "-z", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            assert done.stderr == ""
        else:
            subprocess.run(["man", "-l", str(path)], capture_output=True, check=True)
