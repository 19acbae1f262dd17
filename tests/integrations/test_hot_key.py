"""Alt-E in real shells: the sentence becomes the command, can come back, and nothing runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cli_tuner.errors import UsageError
from cli_tuner.integrations import snippet

UNDO = {"bash": "C-_", "zsh": "C-_", "fish": "C-z"}


def last_line(text):
    """The line that is being edited: the last one that begins with the prompt."""
    return ([""] + [line for line in text.splitlines() if line.startswith("ready>")])[-1]


def test_the_sentence_becomes_the_command_and_is_not_run(terminal, answers, tmp_path):
    answers[1].append("touch made-by-key")
    terminal.load()
    terminal.keys(f"cd {tmp_path}", "Enter", "make a file called made-by-key", "M-e")
    text = terminal.until(lambda text: "touch made-by-key" in last_line(text))
    assert last_line(text) == "ready> touch made-by-key"
    assert not (tmp_path / "made-by-key").exists()
    assert "make a file called made-by-key" in str(answers[2][0]["messages"])
    terminal.keys("Enter")
    terminal.until(lambda _: (tmp_path / "made-by-key").exists())


def test_it_can_be_undone(terminal, answers):
    answers[1].append("ls -la")
    terminal.load()
    terminal.keys("list all files", "M-e")
    terminal.until(lambda text: last_line(text) == "ready> ls -la")
    terminal.keys(UNDO[terminal.shell])
    terminal.until(lambda text: last_line(text) == "ready> list all files")


def test_a_blocked_answer_leaves_the_sentence_and_shows_the_reason_below(terminal, answers):
    answers[1].append("rm -rf /")
    terminal.load()
    terminal.keys("wipe this machine", "M-e")
    text = terminal.until(lambda text: "CT-DEL-001" in text and "ready> wipe" in last_line(text))
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line == "ready> wipe this machine")
    assert "blocked" in lines[first + 1]
    assert last_line(text) == "ready> wipe this machine"
    assert "rm -rf" not in text


def test_what_ran_is_in_the_history(terminal, answers):
    answers[1].append("echo remembered")
    terminal.load()
    terminal.keys("say remembered", "M-e")
    terminal.until(lambda text: last_line(text) == "ready> echo remembered")
    terminal.keys("Enter")
    terminal.until(lambda text: "\nremembered" in text)
    terminal.keys("Up")
    terminal.until(lambda text: last_line(text) == "ready> echo remembered")


def test_another_key_and_an_empty_line(terminal, answers):
    answers[1].append("pwd")
    terminal.load("--key ctrl-g")
    terminal.keys("C-g", "where am i", "C-g")
    terminal.until(lambda text: last_line(text) == "ready> pwd")
    assert len(answers[2]) == 1


def test_what_a_person_typed_is_no_code(terminal, answers, tmp_path):
    answers[1].append("pwd")
    terminal.load()
    sentence = f"where is $(touch {tmp_path}/ran) `id` \"quoted' ; touch {tmp_path}/ran"
    terminal.keys(sentence, "M-e")
    terminal.until(lambda text: last_line(text) == "ready> pwd")
    assert not (tmp_path / "ran").exists()
    assert f"$(touch {tmp_path}/ran) `id`" in str(answers[2][0]["messages"])


@pytest.mark.parametrize("key", ["ctrl-l", "CTRL-L", "f1", "e", "alt-", "alt-e'; rm -rf /"])
def test_a_key_that_cannot_be_is_a_usage_error(key):
    with pytest.raises(UsageError):
        snippet("bash", key, "cli-tuner")


def test_a_path_with_blanks_is_quoted(shell, tmp_path):
    script = snippet(shell, "alt-x", "/opt/my tools/cli-tuner")
    assert "'/opt/my tools/cli-tuner'" in script
    assert "@" not in script.replace('"$@"', "").replace("${@:2}", "")
    path = Path(tmp_path / "snippet")
    path.write_text(script)
    subprocess.run([shell, "-n", path], check=True)
