"""What the guard thinks of a command, from the resident process if it is there, else from here.

Loading the guard takes 90 ms, and the resident process has it loaded. It is only asked, never
started, and only waited for briefly: then the guard is loaded here after all.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from cli_tuner.errors import BackendError, ConfigError
from cli_tuner.hook.protocol import Question
from cli_tuner.settings import Paths, Settings

_PATIENCE_S = 0.5


class Ground(NamedTuple):
    """One rule that speaks against a command, as a person reads it."""

    rule_id: str
    message: str
    instead: str | None


class Opinion(NamedTuple):
    """A verdict without what a hook does not need. `permitted` is what the safety level says."""

    level: str
    permitted: bool
    grounds: tuple[Ground, ...]

    @classmethod
    def of(cls, verdict: dict[str, Any]) -> Opinion:
        """From a verdict's JSON. What a policy allows is no ground. Raises KeyError, TypeError."""
        level = verdict["level"]
        if level not in ("safe", "review", "dangerous"):
            raise TypeError("a verdict of no known level")
        return cls(
            level,
            level == "safe" or (level == "review" and verdict["policy"] == "moderate"),
            tuple(
                Ground(reason["rule_id"], reason["message"], reason["instead"])
                for reason in verdict["reasons"]
                if reason["level"] != "safe"
            ),
        )


def opinion_on(question: Question, paths: Paths, settings: Settings) -> Opinion:
    """The guard's opinion under the policies of the folder. Raises PolicyError."""
    verdict = _from_resident(question, paths, settings)
    if verdict is None:
        verdict = _from_here(question, paths, settings)
    return Opinion.of(verdict)


def _from_here(question: Question, paths: Paths, settings: Settings) -> dict[str, Any]:
    from cli_tuner.guard import check, load_policy
    from cli_tuner.records.verdict import Safety

    policy = load_policy(paths, question.folder or None)
    safety = Safety(settings.safety)
    verdict = check(question.command, safety=safety, policy=policy, folder=question.folder)
    return verdict.as_json()


def _from_resident(question: Question, paths: Paths, settings: Settings) -> dict[str, Any] | None:
    """The verdict of the resident process; None if it is not there, busy, or says no."""
    from cli_tuner.backends import contact, wire
    from cli_tuner.backends.engine import Engine

    path = Engine.of(settings, paths).socket_path
    if not os.path.exists(path):  # noqa: PTH110  one system call, and usually the answer
        return None
    message = {
        "op": "check",
        "command": question.command,
        "cwd": question.folder,
        "safety": settings.safety,
    }
    try:
        connection = contact.connect(path)
        if connection is None:
            return None
        with connection:
            connection.settimeout(_PATIENCE_S)
            wire.send(connection, message)
            reply = wire.receive(connection, within_s=_PATIENCE_S)
    except (OSError, BackendError, ConfigError):
        return None
    verdict = None if reply is None else reply.get("verdict")
    return verdict if isinstance(verdict, dict) else None
