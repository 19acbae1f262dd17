"""Records to write and a place to write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

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

NOW = datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
DIGEST = sha256_of("anything")
COMMAND = "find . -type f -size +100M"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.of({"CLI_TUNER_HOME": str(tmp_path / "home")})


@pytest.fixture
def journal(paths: Paths) -> Journal:
    return Journal(paths)


@pytest.fixture
def provenance() -> Callable[..., ProvenanceRecord]:
    def make(**changes: Any) -> ProvenanceRecord:
        command = changes.get("command", COMMAND)
        fields = {
            "request_id": new_request_id(),
            "timestamp": NOW,
            "caller": Caller.CLI,
            "user_hmac": DIGEST,
            "query_hmac": DIGEST,
            "command": command,
            "command_sha256": sha256_of(command),
            "level": Level.SAFE,
            "safety": Safety.MODERATE,
            "model": ModelIdentity(name="fast", sha256=DIGEST, backend="local", engine="test"),
            "template_sha256": DIGEST,
            "ruleset_digest": DIGEST,
            "policy_digest": DIGEST,
            "code_version": "0.1.0",
        }
        return ProvenanceRecord(**{**fields, **changes})

    return make


@pytest.fixture
def performance() -> Callable[..., PerformanceRecord]:
    def make(**changes: Any) -> PerformanceRecord:
        fields = {
            "request_id": new_request_id(),
            "timestamp": NOW,
            "latency": Latency(inference_ms=612.25, validation_ms=0.1),
            "completion_tokens": 12,
            "mean_logprob": -0.0371,
            "valid": True,
            "level": Level.SAFE,
            "model": "fast",
        }
        return PerformanceRecord(**{**fields, **changes})

    return make


@pytest.fixture
def validation_error() -> Callable[..., ValidationErrorRecord]:
    def make(**changes: Any) -> ValidationErrorRecord:
        fields = {
            "request_id": new_request_id(),
            "timestamp": NOW,
            "boundary": Boundary.VALIDATION,
            "reason": RefusalCode.DANGEROUS,
            "rule": "CT-DEL-001",
        }
        return ValidationErrorRecord(**{**fields, **changes})

    return make


@pytest.fixture
def feedback() -> Callable[..., FeedbackRecord]:
    def make(**changes: Any) -> FeedbackRecord:
        fields = {
            "request_id": new_request_id(),
            "timestamp": NOW,
            "user_hmac": DIGEST,
            "kind": "wrong",
            "comment": "it lists folders too",
        }
        return FeedbackRecord(**{**fields, **changes})

    return make
