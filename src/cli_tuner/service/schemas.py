"""What callers send and get, as OpenAPI describes it. Requests are validated by these, once.

Answers are made from records that were validated already, so the classes below only describe them;
tests compare.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cli_tuner.records import (
    QUERY_MAX,
    QUERY_MIN,
    Alternative,
    Latency,
    Level,
    ModelIdentity,
    Reason,
    Refusal,
    Safety,
    Verdict,
)

COMMAND_MAX = 65_536
ID_PATTERN = "^[0-9A-HJKMNP-TV-Z]{26}$"

SafetyWish = Annotated[
    Literal["moderate", "strict"] | None,
    Field(description="May only tighten what the service is set to."),
]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class GenerateRequest(_Sent):
    """A sentence that should become a command."""

    query: Annotated[
        str,
        Field(
            description="What the command should do, in English.",
            json_schema_extra={"minLength": QUERY_MIN, "maxLength": QUERY_MAX},  # by boundary 1
            examples=["find all python files modified in the last 2 days"],
        ),
    ]
    candidates: Annotated[int, Field(ge=1, le=8)] = 1
    safety: SafetyWish = None


class CheckRequest(_Sent):
    """A command to be judged. Nothing is run."""

    command: Annotated[
        str, Field(min_length=1, max_length=COMMAND_MAX, examples=["rm -rf ./build"])
    ]
    safety: SafetyWish = None


class FeedbackRequest(_Sent):
    """What was wrong with an answer."""

    request_id: Annotated[str, Field(pattern=ID_PATTERN)]
    kind: Literal["wrong", "unsafe", "blocked_wrongly", "other"]
    comment: Annotated[str, Field(max_length=2_000)] = ""
    correction: Annotated[str, Field(min_length=1, max_length=4_096)] | None = None


class ChatPart(BaseModel):
    """A part of a message; only text is read."""

    type: Literal["text"]
    text: Annotated[str, Field(max_length=4_000)]


class ChatMessage(BaseModel):
    """One message. Only the last one of role user is read."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: (
        Annotated[str, Field(max_length=64_000)] | Annotated[list[ChatPart], Field(max_length=64)]
    )


class ChatRequest(BaseModel):
    """As OpenAI's interface has it. What is not named here is accepted and has no effect."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: Annotated[str, Field(max_length=256)] = ""
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=256)]
    n: Annotated[int, Field(ge=1, le=8)] = 1
    stream: bool = False


class Provenance(BaseModel):
    """What made the answer, in digests. The journal has the rest."""

    timestamp: str
    model: ModelIdentity | None
    template_sha256: str | None
    ruleset_digest: str | None
    policy_digest: str | None
    code_version: str


class GenerateAnswer(BaseModel):
    """Either a command with its verdict, or a refusal. A refused text is never in here."""

    schema_version: Literal["1"]
    request_id: str
    command: str | None
    risk_level: Level | None
    verdict: Verdict | None
    alternatives: list[Alternative]
    refusal: Refusal | None
    confidence: float | None
    safety: Safety
    signals: list[str]
    notices: list[str]
    latency: Latency
    provenance: Provenance


class CheckAnswer(BaseModel):
    """The verdict on exactly the text that was sent."""

    schema_version: Literal["1"]
    permitted: bool
    level: Level
    summary: str
    command_sha256: str
    reasons: list[Reason]
    effects: list[dict[str, Any]]
    policy: Safety
    ruleset_digest: str
    policy_digest: str


class ExplainedEffect(BaseModel):
    """One thing that a part of the command would do."""

    sentence: str
    kind: str
    target: str | None
    certainty: str
    as_root: bool


class ExplainedPart(BaseModel):
    """A part of the command, where it stands, and what it would do."""

    text: str
    start: int
    end: int
    effects: list[ExplainedEffect]


class ExplainAnswer(BaseModel):
    """The verdict with the command taken apart."""

    schema_version: Literal["1"]
    permitted: bool
    level: Level
    summary: str
    command_sha256: str
    parts: list[ExplainedPart]
    reasons: list[Reason]


class FeedbackAnswer(BaseModel):
    """It was kept."""

    schema_version: Literal["1"]
    request_id: str
    kind: str
    timestamp: str


class HealthAnswer(BaseModel):
    """The process lives."""

    status: Literal["ok", "degraded"]
    model_version: str
    version: str
    uptime_s: float


class ReadyAnswer(BaseModel):
    """Whether requests can be answered now, and which part is not ready."""

    status: Literal["ready", "not_ready"]
    parts: dict[str, bool]


class ProblemDocument(BaseModel):
    """RFC 9457: what went wrong, for people and for programs."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
