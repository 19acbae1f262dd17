"""One valid example of every record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from cli_tuner import records as r
from cli_tuner.prompt import TEMPLATE_SHA256, to_prompt

NOW = datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
DIGEST = r.sha256_of("anything")
ID = "01JD7KAAAAAAAAAAAAAAPQRSTV"
QUERY = "find files bigger than 100MB here"
COMMAND = "find . -type f -size +100M"


def verdict(command: str = COMMAND, level: r.Level = r.Level.SAFE, **changes: Any) -> r.Verdict:
    """A verdict that says no more than its level."""
    reasons = () if level is r.Level.SAFE else (reason(level=level),)
    fields = {
        "level": level,
        "summary": "reads files only",
        "command_sha256": r.sha256_of(command),
        "reasons": reasons,
        "ruleset_digest": DIGEST,
        "policy_digest": DIGEST,
    }
    return r.Verdict(**{**fields, **changes})


def reason(**changes: Any) -> r.Reason:
    fields = {
        "rule_id": "CT-DEL-001",
        "name": "delete-system-path",
        "level": r.Level.DANGEROUS,
        "message": "Deletes / and everything below it.",
        "attack": ("T1485",),
        "span": r.Span(start=0, end=8),
    }
    return r.Reason(**{**fields, **changes})


def provenance() -> r.ProvenanceRecord:
    return r.ProvenanceRecord(
        request_id=ID,
        timestamp=NOW,
        caller=r.Caller.CLI,
        user_hmac=DIGEST,
        query_hmac=DIGEST,
        command=COMMAND,
        command_sha256=r.sha256_of(COMMAND),
        level=r.Level.SAFE,
        rule_ids=("CT-DEL-001",),
        safety=r.Safety.MODERATE,
        model=identity(),
        template_sha256=DIGEST,
        ruleset_digest=DIGEST,
        policy_digest=DIGEST,
        code_version="0.1.0",
    )


def identity() -> r.ModelIdentity:
    return r.ModelIdentity(name="fast", sha256=DIGEST, backend="local", engine="llama.cpp")


def plain_examples() -> tuple[r.Plain, ...]:
    """One of each record that the guard makes, with as few defaults as possible."""
    return (
        r.Span(start=0, end=4),
        r.Effect(
            kind=r.EffectKind.READ,
            utility="find",
            target=".",
            certainty=r.Certainty.POSSIBLE,
            via=("sudo",),
            attributes=("recursive",),
            span=r.Span(start=0, end=4),
        ),
        reason(),
        verdict(level=r.Level.REVIEW),
    )


def examples() -> tuple[r.Record, ...]:
    """One of each of the others."""
    return (
        identity(),
        r.CommandRequest(request_id=ID, query=QUERY, model="fast", received_at=NOW),
        r.NormalizedRequest(
            request_id=ID,
            query=QUERY,
            prompt=to_prompt(QUERY),
            prompt_sha256=r.sha256_of(to_prompt(QUERY)),
            template_sha256=TEMPLATE_SHA256,
            signals=("ignore-previous",),
        ),
        r.RawModelOutput(
            request_id=ID, text=COMMAND, finish=r.Finish.STOP, mean_logprob=-0.1, model=identity()
        ),
        r.ValidatedCommand(
            request_id=ID, command=COMMAND, verdict=verdict(), safety=r.Safety.STRICT
        ),
        r.Refusal(
            request_id=ID,
            boundary=r.Boundary.VALIDATION,
            code=r.RefusalCode.DANGEROUS,
            message="Deletes / and everything below it.",
            verdict=verdict(level=r.Level.DANGEROUS),
        ),
        r.Latency(inference_ms=612.25),
        provenance(),
        r.PerformanceRecord(
            request_id=ID,
            timestamp=NOW,
            latency=r.Latency(inference_ms=612.25),
            mean_logprob=-0.0371,
            valid=True,
            level=r.Level.SAFE,
            model="fast",
        ),
        r.ValidationErrorRecord(
            request_id=ID,
            timestamp=NOW,
            boundary="validation",
            reason=r.RefusalCode.DANGEROUS,
            rule="CT-DEL-001",
        ),
        r.FeedbackRecord(
            request_id=ID, timestamp=NOW, user_hmac=DIGEST, kind="wrong", correction="ls"
        ),
        r.AllowanceRecord(
            allowance_id=ID,
            timestamp=NOW,
            user_hmac=DIGEST,
            event="granted",
            agent="claude",
            folder="/srv/app",
            command=COMMAND,
            command_sha256=r.sha256_of(COMMAND),
            level=r.Level.DANGEROUS,
            rule_ids=("CT-DEL-001",),
        ),
        r.Alternative(command=COMMAND, verdict=verdict()),
        r.CommandResponse(
            request_id=ID,
            command=COMMAND,
            risk_level=r.Level.SAFE,
            verdict=verdict(),
            alternatives=(r.Alternative(command="ls", verdict=verdict("ls")),),
            refusal=None,
            confidence=0.9,
            safety=r.Safety.MODERATE,
            latency=r.Latency(),
            provenance=provenance(),
        ),
    )


@pytest.fixture(params=examples(), ids=lambda record: type(record).__name__)
def record(request: pytest.FixtureRequest) -> r.Record:
    """Each kind of record in turn."""
    return request.param


@pytest.fixture(params=plain_examples(), ids=lambda record: type(record).__name__)
def plain(request: pytest.FixtureRequest) -> r.Plain:
    """Each kind of record that the guard makes, in turn."""
    return request.param


@pytest.fixture
def example() -> Callable[[type[r.Record | r.Plain]], Any]:
    """The example of one kind."""
    by_kind = {type(record): record for record in (*examples(), *plain_examples())}
    return by_kind.__getitem__


@pytest.fixture
def verdict_on() -> Callable[..., r.Verdict]:
    return verdict


@pytest.fixture
def reason_at() -> Callable[..., r.Reason]:
    return reason
