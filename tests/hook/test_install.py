"""An agent's settings file gets our entry, keeps everything else, and can lose it again."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from cli_tuner.errors import ConfigError
from cli_tuner.hook.install import (
    command_for,
    installing,
    is_installed,
    removing,
    settings_file,
    write,
)
from cli_tuner.hook.protocol import Agent

OTHERS = {
    "model": "x",
    "hooks": {
        "PreToolUse": [
            {"matcher": "Write", "hooks": [{"type": "command", "command": "fmt --é"}]},
        ],
        "Stop": [{"hooks": [{"type": "command", "command": "done.sh"}]}],
    },
}


@pytest.fixture(params=list(Agent))
def agent(request):
    return request.param


@pytest.fixture
def file(agent):
    return settings_file(agent, os.environ)


def test_it_is_put_in_and_taken_out(agent, file):
    write(installing(agent, file))
    assert is_installed(file)
    assert "hook run " + agent.value in file.read_text()
    write(removing(file))
    assert not is_installed(file)
    assert "cli-tuner" not in file.read_text()


def test_twice_is_once(agent, file):
    write(installing(agent, file))
    again = installing(agent, file)
    assert again.is_none
    assert file.read_text().count("hook run") == 1


def test_what_is_there_stays(agent, file):
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(OTHERS, indent=4))
    write(installing(agent, file))
    kept = json.loads(file.read_text())
    assert kept["model"] == "x"
    assert OTHERS["hooks"]["PreToolUse"][0] in kept["hooks"]["PreToolUse"]
    assert kept["hooks"]["Stop"] == OTHERS["hooks"]["Stop"]
    write(removing(file))
    without = json.loads(file.read_text())
    without.pop("version", None)
    assert without == OTHERS


def test_an_entry_of_an_older_version_is_replaced(agent, file):
    write(installing(agent, file))
    file.write_text(file.read_text().replace(command_for(agent), "/old/cli-tuner hook run"))
    write(installing(agent, file))
    assert "/old/" not in file.read_text()
    assert file.read_text().count("hook run") == 1


def test_a_handler_beside_ours_in_one_entry_stays(file):
    other = {"type": "command", "command": "mine.sh"}
    ours = {"type": "command", "command": "cli-tuner hook run claude"}
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"hooks": {"PreToolUse": [{"hooks": [other, ours]}]}}))
    write(removing(file))
    assert json.loads(file.read_text()) == {"hooks": {"PreToolUse": [{"hooks": [other]}]}}


@pytest.mark.parametrize(
    "text",
    ["{ // a comment\n}", "[]", '{"hooks": []}', '{"hooks": {"PreToolUse": {}}}', "{", "\udcff"],
)
def test_a_file_that_is_not_as_expected_is_left_alone(text):
    file = settings_file(Agent.CLAUDE, os.environ)
    file.parent.mkdir(parents=True)
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError):
        installing(Agent.CLAUDE, file)
    assert file.read_bytes() == text.encode("utf-8", "surrogateescape")


def test_a_file_that_was_changed_meanwhile_is_left_alone(agent, file):
    change = installing(agent, file)
    file.parent.mkdir(parents=True)
    file.write_text('{"new": 1}')
    with pytest.raises(ConfigError, match="changed meanwhile"):
        write(change)
    assert file.read_text() == '{"new": 1}'


def test_a_link_stays_a_link_and_the_mode_is_kept(agent, file, tmp_path):
    target = tmp_path / "dotfiles.json"
    target.write_text("{}")
    target.chmod(0o644)
    file.parent.mkdir(parents=True)
    file.symlink_to(target)
    write(installing(agent, file))
    assert file.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o644
    assert is_installed(target)


def test_nothing_of_ours_to_remove_changes_nothing(file):
    assert removing(file).is_none
    file.parent.mkdir(parents=True)
    file.write_text('{"a":1}')
    assert removing(file).is_none


def test_the_agents_say_where_their_files_are(tmp_path):
    moved = {"HOME": "/home/x", "CLAUDE_CONFIG_DIR": "/c", "CODEX_HOME": "/d"}
    assert str(settings_file(Agent.CLAUDE, moved)) == "/c/settings.json"
    assert str(settings_file(Agent.CODEX, moved)) == "/d/hooks.json"
    assert str(settings_file(Agent.GEMINI, moved)) == "/home/x/.gemini/settings.json"
    assert settings_file(Agent.CURSOR, moved, tmp_path) == tmp_path / ".cursor" / "hooks.json"


def test_the_installed_line_answers_and_blocks_when_we_are_gone(agent, asking, tmp_path):
    line = command_for(agent)
    run = {"shell": True, "capture_output": True, "input": asking(agent, "rm -rf /")}
    done = subprocess.run(line, check=False, **run)
    assert done.returncode == 0
    assert b"deny" in done.stdout
    gone = subprocess.run(line.replace("/bin/cli-tuner", "/bin/gone"), check=False, **run)
    assert gone.returncode == 2
    assert gone.stderr
