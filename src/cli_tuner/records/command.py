"""A command that passed boundary 4, or the refusal that came instead.

Trust is a proof that is carried: a `ValidatedCommand` holds the verdict and the digest of the
text judged, and cannot be built for another text or for a verdict that its safety level blocks.
It is made in one place, `boundaries.validation`; a test says so.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from cli_tuner.records.base import Record
from cli_tuner.records.plain import sha256_of
from cli_tuner.records.request import RequestId
from cli_tuner.records.verdict import Safety, Verdict

COMMAND_MIN = 3
COMMAND_MAX = 200
"""Characters of an answer. A bare known utility (`ls`, `df`) may be shorter."""


class Boundary(StrEnum):
    """The six boundaries, in order."""

    INGRESS = "ingress"
    NORMALIZE = "normalize"
    INFERENCE = "inference"
    VALIDATION = "validation"
    EGRESS = "egress"
    HANDOFF = "handoff"


class RefusalCode(StrEnum):
    """Why there is no command. Stable: monitoring counts them."""

    BAD_REQUEST = "bad_request"
    TEMPLATE_TOKEN = "template_token"  # noqa: S105  the name of a reason
    INJECTION = "injection"
    RATE_LIMITED = "rate_limited"
    EMPTY = "empty"
    NOT_A_COMMAND = "not_a_command"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TRUNCATED = "truncated"
    UNPRINTABLE = "unprintable"
    SYNTAX = "syntax"
    DANGEROUS = "dangerous"
    NEEDS_REVIEW = "needs_review"


class Refusal(Record):
    """A boundary's "no", with the reason and what to do. A value, not an exception.

    `verdict` is there when the guard decided. The refused text itself is not: what was
    blocked is in the journal, not in an answer that somebody might paste.
    """

    request_id: RequestId
    boundary: Boundary
    code: RefusalCode
    message: str
    hint: str | None = None
    verdict: Verdict | None = None


class ValidatedCommand(Record):
    """One bash command with the verdict on exactly that text."""

    request_id: RequestId
    command: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    verdict: Verdict
    safety: Safety
    mean_logprob: Annotated[float, Field(le=0)] | None = None

    @model_validator(mode="after")
    def _proof_holds(self) -> Self:
        if sha256_of(self.command) != self.verdict.command_sha256:
            raise ValueError("the verdict is on another text")
        if not self.safety.permits(self.verdict.level):
            raise ValueError(f"a {self.verdict.level} command is not permitted at {self.safety}")
        return self
