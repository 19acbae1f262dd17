"""A person lets one command pass, once; nothing else passes, and both steps are recorded."""

from __future__ import annotations

import json
import re
import stat

import pytest

from cli_tuner.errors import JournalError, UsageError
from cli_tuner.hook import allowance
from cli_tuner.hook.judge import answered
from cli_tuner.journal import Journal
from cli_tuner.records import AllowanceRecord

COMMAND = "rm -rf /srv/app/../old"
DANGEROUS = "rm -rf /"


@pytest.fixture
def code(asking):
    """The code of a command that was blocked for claude."""
    told = json.loads(answered(asking("claude", DANGEROUS)).out)
    found = re.search(r"allow-once (\w{8})", told["systemMessage"])
    assert found is not None
    return found[1]


def passed(asking, agent="claude", command=DANGEROUS, folder="/srv/app"):
    return "deny" not in answered(asking(agent, command, folder)).out


def test_exactly_that_command_passes_exactly_once(code, paths, asking):
    granted = allowance.grant(code, paths)
    assert granted.command == DANGEROUS
    assert passed(asking)
    assert not passed(asking)


def test_both_steps_are_in_the_journal(code, paths, asking):
    allowance.grant(code, paths)
    assert passed(asking)
    used, granted = Journal(paths).entries(AllowanceRecord, 5)
    assert (granted.event, used.event) == ("granted", "used")
    assert granted.allowance_id == used.allowance_id
    assert used.command == DANGEROUS
    assert used.rule_ids == ("CT-DEL-001",)
    assert all(report.is_whole for report in Journal(paths).verify_all())


@pytest.mark.parametrize(
    "other",
    [
        {"command": "rm -rf / "},
        {"command": "rm -rf /*"},
        {"folder": "/srv"},
        {"agent": "codex"},
    ],
)
def test_another_text_folder_or_agent_does_not_pass(code, paths, asking, other):
    allowance.grant(code, paths)
    assert not passed(asking, **other)
    assert passed(asking)


def test_a_grant_is_over_after_minutes(code, paths, asking, monkeypatch):
    allowance.grant(code, paths)
    later = allowance.time.time() + allowance.GRANT_MINUTES * 60 + 1
    monkeypatch.setattr(allowance.time, "time", lambda: later)
    assert not passed(asking)


def test_a_code_is_over_after_minutes(code, paths, monkeypatch):
    later = allowance.time.time() + allowance.OFFER_MINUTES * 60 + 1
    monkeypatch.setattr(allowance.time, "time", lambda: later)
    with pytest.raises(UsageError, match="no blocked command"):
        allowance.grant(code, paths)


def test_a_code_is_good_for_one_grant(code, paths):
    allowance.grant(code, paths)
    with pytest.raises(UsageError, match="no blocked command"):
        allowance.grant(code, paths)


@pytest.mark.parametrize("wrong", ["", "AAAAAAAA", "../../etc/passwd", "\0", "x" * 10_000])
def test_a_wrong_code_is_a_usage_error(wrong, paths):
    with pytest.raises(UsageError):
        allowance.blocked_under(wrong, paths)


def test_a_code_may_be_typed_as_people_read_it(code, paths):
    spelled = f"{code[:4]}-{code[4:]}".lower().replace("0", "o")
    assert allowance.blocked_under(spelled, paths).command == DANGEROUS


def test_a_grant_that_cannot_be_recorded_is_none(code, paths, asking, monkeypatch):
    def broken(*_):
        raise JournalError("the disk is full")

    monkeypatch.setattr(Journal, "allowance", broken)
    with pytest.raises(JournalError):
        allowance.grant(code, paths)
    assert not passed(asking)


def test_a_use_that_cannot_be_recorded_blocks(code, paths, asking, monkeypatch):
    allowance.grant(code, paths)

    def broken(*_):
        raise JournalError("the disk is full")

    monkeypatch.setattr(Journal, "allowance", broken)
    ended = answered(asking("claude", DANGEROUS))
    assert ended.status == 2
    assert "disk is full" in ended.err


def test_the_files_are_for_this_user_alone_and_do_not_show_the_code(code, paths):
    folder = paths.state / "hook" / "blocked"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert code not in path.name
        assert code not in path.read_text()


def test_old_files_are_removed(asking, paths, monkeypatch):
    monkeypatch.setattr(allowance, "_KEPT_MAX", 3)
    for number in range(6):
        answered(asking("claude", f"rm -rf / # {number}"))
    assert len(list((paths.state / "hook" / "blocked").iterdir())) <= 4
