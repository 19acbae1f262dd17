"""Letting one blocked command pass, once: a code for the person, a grant for the hook.

    blocked      the hook keeps the command under a code, which only the person is shown
    granted      the person types `cli-tuner hook allow-once CODE` on a terminal and confirms
    used         the same text in the same folder, within minutes, finds the grant and consumes it

Both latter steps are in the journal; a grant that cannot be recorded does not count. What is kept
between them are small files in the state folder (0600 in 0700), because a blocked command must
not wait for the journal. An agent that runs as you can also write these files; against its
commands the guard judges `cli-tuner hook allow-once` itself as dangerous.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cli_tuner.errors import CliTunerError, UsageError
from cli_tuner.hook.opinion import Opinion
from cli_tuner.hook.protocol import Agent, Question
from cli_tuner.records.ids import new_request_id
from cli_tuner.settings import Paths, private_folder

OFFER_MINUTES = 15
"""How long a code is good for."""
GRANT_MINUTES = 5
"""How long a granted command may wait until it is run."""
_KEPT_MAX = 200
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES = str.maketrans("ILO", "110")
_CODE_LENGTH = 8


class Blocked(NamedTuple):
    """A command that was blocked, as it is kept."""

    allowance_id: str
    agent: str
    folder: str
    command: str
    level: str
    rules: tuple[str, ...]
    reason: str
    until: float  # seconds since the epoch

    @classmethod
    def read(cls, path: Path) -> Blocked | None:
        """What a file keeps; None if it is gone, over, or not what was written."""
        try:
            data: Any = json.loads(path.read_text("utf-8"))
            found = cls(**{**data, "rules": tuple(data["rules"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return found if found.until > time.time() else None


def offer(question: Question, paths: Paths, opinion: Opinion) -> str | None:
    """A fresh code for this command; None if it cannot be kept, which leaves it blocked."""
    code = "".join(_LETTERS[byte & 31] for byte in os.urandom(_CODE_LENGTH))
    blocked = Blocked(
        allowance_id=new_request_id(),
        agent=question.agent.value,
        folder=question.folder,
        command=question.command,
        level=opinion.level,
        rules=tuple(ground.rule_id for ground in opinion.grounds),
        reason=opinion.grounds[0].message if opinion.grounds else "",
        until=time.time() + OFFER_MINUTES * 60,
    )
    try:
        folder = _folder(paths, "blocked")
        _tidy(folder)
        _write(folder / _name(code), blocked)
    except (OSError, CliTunerError):
        return None
    return code


def blocked_under(code: str, paths: Paths) -> Blocked:
    """The command that a code stands for. Raises UsageError if it stands for none any more."""
    wanted = code.strip().upper().replace("-", "").translate(_LOOKALIKES)
    found = Blocked.read(_folder(paths, "blocked") / _name(wanted))
    if found is None:
        raise UsageError(
            f"no blocked command has the code {code}",
            hint=f"codes are good for {OFFER_MINUTES} minutes; let the agent try again",
        )
    return found


def grant(code: str, paths: Paths) -> Blocked:
    """Let the command of this code pass once. Raises UsageError and JournalError.

    The caller has asked a person. The journal comes first: what is not recorded is not granted.
    """
    found = blocked_under(code, paths)
    _record(found, "granted", paths)
    wanted = code.strip().upper().replace("-", "").translate(_LOOKALIKES)
    (_folder(paths, "blocked") / _name(wanted)).unlink(missing_ok=True)
    granted = found._replace(until=time.time() + GRANT_MINUTES * 60)
    where = _folder(paths, "granted") / _key(found.agent, found.folder, found.command)
    _write(where, granted)
    return granted


def passes_once(question: Question, paths: Paths, opinion: Opinion) -> bool:
    """Whether a person let exactly this command pass; if so, it does not pass again.

    Raises JournalError if that cannot be recorded. The unlinking decides between two that ask at
    the same time.
    """
    key = _key(question.agent.value, question.folder, question.command)
    path = paths.state / "hook" / "granted" / key
    granted = Blocked.read(path)
    if granted is None:
        return False
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    if set(granted.rules) != {ground.rule_id for ground in opinion.grounds}:
        return False  # the person agreed to other reasons than those of now
    _record(granted, "used", paths)
    return True


def _record(blocked: Blocked, event: Literal["granted", "used"], paths: Paths) -> None:
    from datetime import UTC, datetime

    from cli_tuner.journal import Journal
    from cli_tuner.records import AllowanceRecord, Level, sha256_of

    journal = Journal(paths)
    command = blocked.command.encode("utf-8", "replace").decode("utf-8")
    journal.allowance(
        AllowanceRecord(
            allowance_id=blocked.allowance_id,
            timestamp=datetime.now(UTC),
            user_hmac=journal.user_hmac(),
            event=event,
            agent=Agent(blocked.agent).value,
            folder=blocked.folder,
            command=command,
            command_sha256=sha256_of(command),
            level=Level(blocked.level),
            rule_ids=blocked.rules,
        )
    )


def _folder(paths: Paths, name: str) -> Path:
    private_folder(paths.state)
    private_folder(paths.state / "hook")
    return private_folder(paths.state / "hook" / name)


def _name(code: str) -> str:
    """The file of a code. A digest, so that listing the folder does not show the codes."""
    return hashlib.sha256(f"cli-tuner code {code}".encode()).hexdigest()[:40]


def _key(agent: str, folder: str, command: str) -> str:
    text = f"{agent}\0{folder}\0{command}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _write(path: Path, blocked: Blocked) -> None:
    scratch = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(blocked._asdict(), file)
    scratch.replace(path)


def _tidy(folder: Path) -> None:
    """Remove what is over, and the oldest of too many."""
    aged = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    limit = time.time() - OFFER_MINUTES * 60
    for number, path in enumerate(aged):
        if number < len(aged) - _KEPT_MAX or path.stat().st_mtime < limit:
            with contextlib.suppress(OSError):
                path.unlink()
