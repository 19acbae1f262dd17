"""A journal with answers in it, and people who say what they think of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli_tuner.guard import check
from cli_tuner.journal import Journal
from cli_tuner.records import (
    Boundary,
    Caller,
    FeedbackRecord,
    Latency,
    Level,
    ModelIdentity,
    PerformanceRecord,
    ProvenanceRecord,
    RefusalCode,
    Safety,
    ValidationErrorRecord,
    new_request_id,
    sha256_of,
)
from cli_tuner.settings import Paths

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.of({"CLI_TUNER_HOME": str(tmp_path / "home")})


@pytest.fixture
def journal(paths: Paths) -> Journal:
    return Journal(paths)


@pytest.fixture
def answered(journal: Journal) -> Callable[..., str]:
    """Record an answer as boundary 5 does; its id. `answered("ls", days_ago=1, ms=300)`."""

    def record(
        command: str | None,
        *,
        days_ago: float = 0.0,
        ms: float = 400.0,
        logprob: float = -0.1,
        query: str | None = None,
        refusal: RefusalCode | None = None,
        asked: str = "anything",
    ) -> str:
        at = NOW - timedelta(days=days_ago)
        request_id = new_request_id()
        verdict = check(command) if command is not None else None
        if refusal is None and verdict is not None and verdict.level is Level.DANGEROUS:
            refusal = RefusalCode.DANGEROUS
        model = ModelIdentity(name="fast", backend="local", engine="test")
        rules = tuple(reason.rule_id for reason in verdict.reasons) if verdict else ()
        provenance = ProvenanceRecord(
            request_id=request_id,
            timestamp=at,
            caller=Caller.HTTP,
            user_hmac=journal.user_hmac(),
            query_hmac=journal.query_hmac(asked),
            query=query,
            command=command,
            command_sha256=sha256_of(command) if command is not None else None,
            level=verdict.level if verdict else None,
            rule_ids=rules,
            refusal=refusal,
            safety=Safety.MODERATE,
            model=model,
            template_sha256=None,
            ruleset_digest=None,
            policy_digest=None,
            code_version="0",
        )
        performance = PerformanceRecord(
            request_id=request_id,
            timestamp=at,
            latency=Latency(inference_ms=ms, validation_ms=0.5, egress_ms=1.0),
            completion_tokens=9,
            mean_logprob=logprob,
            valid=refusal is None,
            level=verdict.level if verdict else None,
            model="fast",
        )
        error = None
        if refusal is not None:
            error = ValidationErrorRecord(
                request_id=request_id,
                timestamp=at,
                boundary=Boundary.VALIDATION,
                reason=refusal,
                rule=rules[0] if rules else None,
            )
        journal.record(provenance, performance, error)
        return request_id

    return record


@pytest.fixture
def reported(journal: Journal) -> Callable[..., None]:
    """Say something about an answer: `reported(id, "wrong", correction="ls")`."""

    def record(request_id: str, kind: Any, *, by: str = "alice", **said: Any) -> None:
        journal.feedback(
            FeedbackRecord(
                request_id=request_id,
                timestamp=NOW,
                user_hmac=journal.caller_hmac(by),
                kind=kind,
                **said,
            )
        )

    return record
