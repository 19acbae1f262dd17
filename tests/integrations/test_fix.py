"""`cli-tuner fix` in real shells: it knows what failed, and the correction is at hand."""

from __future__ import annotations


def test_the_last_command_and_its_status_are_known(terminal):
    terminal.load()
    terminal.keys("grpe TODO nothing", "Enter")
    terminal.until(lambda text: text.count("ready>") == 2)
    terminal.keys("cli-tuner fix", "Enter")
    text = terminal.until(lambda text: "grep TODO nothing" in text)
    assert "grep TODO nothing" in text
    if terminal.shell == "zsh":  # it is in the next line already
        terminal.until(lambda text: text.splitlines()[-1] == "ready> grep TODO nothing")
    if terminal.shell == "bash":
        terminal.until(lambda text: text.splitlines()[-1] == "ready>")
        terminal.keys("Up")
        terminal.until(lambda text: text.splitlines()[-1] == "ready> grep TODO nothing")


def test_everything_else_reaches_the_program(terminal):
    terminal.load()
    terminal.keys("cli-tuner check 'rm -rf /' || echo not safe", "Enter")
    text = terminal.until(lambda text: text.endswith("\nnot safe\nready>"))
    assert "CT-DEL-001" in text
