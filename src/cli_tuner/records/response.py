"""What goes out, and what is kept of it."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cli_tuner.records.base import Record, UtcMoment
from cli_tuner.records.command import Refusal, RefusalCode
from cli_tuner.records.output import Count, Milliseconds, ModelIdentity
from cli_tuner.records.plain import Sha256, sha256_of
from cli_tuner.records.request import Caller, RequestId
from cli_tuner.records.verdict import Level, Safety, Verdict


class Latency(Record):
    """Milliseconds spent in each boundary, and by the engine inside boundary 3."""

    ingress_ms: Milliseconds = 0.0
    normalize_ms: Milliseconds = 0.0
    inference_ms: Milliseconds = 0.0
    validation_ms: Milliseconds = 0.0
    egress_ms: Milliseconds = 0.0
    engine_prompt_ms: Milliseconds = 0.0
    engine_decode_ms: Milliseconds = 0.0

    @property
    def total_ms(self) -> float:
        """Sum over the five boundaries that compute."""
        return (
            self.ingress_ms
            + self.normalize_ms
            + self.inference_ms
            + self.validation_ms
            + self.egress_ms
        )


class ProvenanceRecord(Record):
    """Who asked for what, in digests, and what made the answer.

    The user and the query appear only as keyed HMACs, since a plain hash of a short text can
    be guessed; the query itself is here only if the user opted in. `command` is the judged
    text also when it was blocked: that is what an investigation needs.
    """

    schema_version: Literal["1"] = "1"
    request_id: RequestId
    timestamp: UtcMoment
    caller: Caller
    user_hmac: Sha256
    query_hmac: Sha256
    query: str | None = None
    command: str | None
    command_sha256: Sha256 | None
    level: Level | None
    rule_ids: tuple[str, ...] = ()
    refusal: RefusalCode | None = None
    signals: tuple[str, ...] = ()
    safety: Safety
    model: ModelIdentity | None
    template_sha256: Sha256 | None
    ruleset_digest: Sha256 | None
    policy_digest: Sha256 | None
    code_version: str

    @model_validator(mode="after")
    def _digest_is_the_commands(self) -> Self:
        digest = None if self.command is None else sha256_of(self.command)
        if self.command_sha256 != digest:
            raise ValueError("command_sha256 is not that of the command")
        return self


class PerformanceRecord(Record):
    """How long one request took and how it ended."""

    schema_version: Literal["1"] = "1"
    request_id: RequestId
    timestamp: UtcMoment
    latency: Latency
    prompt_tokens: Count = 0
    cached_tokens: Count = 0
    completion_tokens: Count = 0
    mean_logprob: float | None = None
    valid: bool
    level: Level | None
    model: str


class ValidationErrorRecord(Record):
    """One refusal: which boundary, why, by which rule."""

    schema_version: Literal["1"] = "1"
    request_id: RequestId
    timestamp: UtcMoment
    boundary: str
    reason: RefusalCode
    rule: str | None = None


class FeedbackRecord(Record):
    """What a person said about an answer; or, as `validation_error`, that one was refused."""

    schema_version: Literal["1"] = "1"
    request_id: RequestId
    timestamp: UtcMoment
    user_hmac: Sha256
    kind: Literal["wrong", "unsafe", "blocked_wrongly", "other", "validation_error"]
    comment: Annotated[str, Field(max_length=2000)] = ""
    correction: Annotated[str, Field(max_length=4096)] | None = None


class Alternative(Record):
    """A further command, with the verdict on exactly that text."""

    command: str
    verdict: Verdict

    @model_validator(mode="after")
    def _proof_holds(self) -> Self:
        if sha256_of(self.command) != self.verdict.command_sha256:
            raise ValueError("the verdict is on another text")
        return self


class CommandResponse(Record):
    """The answer: either a command with its verdict, or a refusal; never both, never neither.

    `confidence` is the geometric mean of the token probabilities, 0 to 1; `notices` are lines a
    person should see that are not about the command, such as a journal that cannot be written.
    """

    schema_version: Literal["1"] = "1"
    request_id: RequestId
    command: str | None
    risk_level: Level | None
    verdict: Verdict | None
    alternatives: tuple[Alternative, ...] = ()
    refusal: Refusal | None
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    safety: Safety
    signals: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    latency: Latency
    provenance: ProvenanceRecord

    @model_validator(mode="after")
    def _either_command_or_refusal(self) -> Self:
        if (self.command is None) == (self.refusal is None):
            raise ValueError("a response holds a command or a refusal")
        if self.command is None:
            if self.alternatives:
                raise ValueError("a refusal has no alternatives")
            return self
        if self.verdict is None or sha256_of(self.command) != self.verdict.command_sha256:
            raise ValueError("the verdict is on another text")
        if self.risk_level is not self.verdict.level:
            raise ValueError("risk_level is the verdict's level")
        for verdict in (self.verdict, *(other.verdict for other in self.alternatives)):
            if not self.safety.permits(verdict.level):
                raise ValueError(f"{verdict.level} is not permitted at {self.safety}")
        return self


def confidence_of(mean_logprob: float | None) -> float | None:
    """Geometric mean of token probabilities from their mean log-probability."""
    return None if mean_logprob is None else min(1.0, math.exp(mean_logprob))
