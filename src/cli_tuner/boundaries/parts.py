"""What a crossing is given: the options of one request and the parts that do the work."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Protocol

from cli_tuner.backends.protocol import Backend, Sampling, never
from cli_tuner.boundaries.rate import RateLimiter
from cli_tuner.guard import Policy
from cli_tuner.records import (
    Boundary,
    Caller,
    PerformanceRecord,
    ProvenanceRecord,
    Safety,
    ValidationErrorRecord,
    Verdict,
)


class Judge(Protocol):
    """`guard.check`: a verdict on a text, for any text."""

    def __call__(
        self, command: str, *, safety: Safety, policy: Policy | None, folder: str
    ) -> Verdict:
        """The verdict."""


def nothing_against(_: str) -> tuple[str, ...]:
    """The answer of somebody who does not know the machine."""
    return ()


def unfollowed(_: Boundary) -> AbstractContextManager[object]:
    """What is around a boundary when nobody follows the crossing."""
    return nullcontext()


class Writer(Protocol):
    """What boundary 5 needs of the journal."""

    def user_hmac(self) -> str:
        """The user, keyed and hashed."""

    def query_hmac(self, text: str) -> str:
        """A query, keyed and hashed."""

    def record(
        self,
        provenance: ProvenanceRecord,
        performance: PerformanceRecord,
        validation_error: ValidationErrorRecord | None = None,
    ) -> None:
        """Append the records of one request. Raises JournalError."""


@dataclass(frozen=True)
class Options:
    """One request's options, as the caller gave them after settings and policy were applied."""

    model: str
    safety: Safety = Safety.MODERATE
    candidates: int = 1
    spare: int = 3
    """How many more are sampled where the only one is a slip; see `proposal`."""
    caller: Caller = Caller.API
    retain_query: bool = False
    sampling: Sampling = field(default_factory=Sampling)
    rate_key: str = field(default_factory=lambda: str(os.getuid()))
    cancelled: Callable[[], bool] = never
    policy: Policy | None = None
    folder: str = ""
    """Where the command would run, as an absolute path; empty if nobody knows."""

    def under(self, policy: Policy, folder: str = "") -> Options:
        """The same options where this policy is in force, which may ask for more safety."""
        safety = policy.tightened(self.safety)
        return replace(self, policy=policy, safety=safety, folder=folder)


@dataclass(frozen=True)
class Parts:
    """The parts behind the boundaries. They are shared by all requests of a process."""

    backend: Backend
    check: Judge
    journal: Writer
    limiter: RateLimiter
    code_version: str
    problems: Callable[[str], tuple[str, ...]] = nothing_against
    span: Callable[[Boundary], AbstractContextManager[object]] = unfollowed
