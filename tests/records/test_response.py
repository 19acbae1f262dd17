"""What goes out and what is kept: one answer or one refusal, and digests that belong to it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from cli_tuner.records import (
    Alternative,
    CommandResponse,
    FeedbackRecord,
    Latency,
    Level,
    PerformanceRecord,
    ProvenanceRecord,
    Refusal,
    Safety,
    ValidationErrorRecord,
    confidence_of,
    sha256_of,
)

DATED = [ProvenanceRecord, PerformanceRecord, ValidationErrorRecord, FeedbackRecord]


def test_a_response_holds_a_command_or_a_refusal(example):
    answered, refusal = example(CommandResponse), example(Refusal)
    with pytest.raises(ValidationError, match="holds a command or a refusal"):
        answered.model_copy(update={"refusal": refusal})
    with pytest.raises(ValidationError, match="holds a command or a refusal"):
        answered.model_copy(update={"command": None})


def test_a_refused_response_carries_the_verdict_that_refused(example):
    refused = example(CommandResponse).model_copy(
        update={
            "command": None,
            "refusal": example(Refusal),
            "verdict": example(Refusal).verdict,
            "risk_level": Level.DANGEROUS,
            "alternatives": (),
        }
    )
    assert refused.refusal.code == "dangerous"


def test_a_refused_response_has_no_alternatives(example):
    with pytest.raises(ValidationError, match="a refusal has no alternatives"):
        example(CommandResponse).model_copy(update={"command": None, "refusal": example(Refusal)})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"command": "rm -rf /"}, "the verdict is on another text"),
        ({"verdict": None}, "the verdict is on another text"),
        ({"risk_level": Level.REVIEW}, "risk_level is the verdict's level"),
        ({"risk_level": None}, "risk_level is the verdict's level"),
        ({"confidence": 1.1}, "less than or equal to 1"),
        ({"confidence": -0.1}, "greater than or equal to 0"),
        ({"schema_version": "2"}, "Input should be '1'"),
    ],
)
def test_a_response_that_contradicts_itself_is_refused(example, change, why):
    with pytest.raises(ValidationError, match=why):
        example(CommandResponse).model_copy(update=change)


def test_a_level_that_is_not_permitted_is_refused_also_among_the_alternatives(example, verdict_on):
    response = example(CommandResponse)
    review = Alternative(command="mv a b", verdict=verdict_on("mv a b", Level.REVIEW))
    deadly = Alternative(command="rm -rf /", verdict=verdict_on("rm -rf /", Level.DANGEROUS))
    assert response.model_copy(update={"alternatives": (review,)})
    with pytest.raises(ValidationError, match="review is not permitted at strict"):
        response.model_copy(update={"alternatives": (review,), "safety": Safety.STRICT})
    with pytest.raises(ValidationError, match="dangerous is not permitted at moderate"):
        response.model_copy(update={"alternatives": (deadly,)})


def test_an_alternative_carries_a_verdict_on_its_own_text(example):
    with pytest.raises(ValidationError, match="the verdict is on another text"):
        example(Alternative).model_copy(update={"command": "rm -rf /"})


def test_provenance_carries_the_digest_of_its_command(example):
    record = example(ProvenanceRecord)
    for change in ({"command": "ls"}, {"command": None}, {"command_sha256": sha256_of("ls")}):
        with pytest.raises(ValidationError, match="command_sha256 is not that of the command"):
            record.model_copy(update=change)
    assert record.model_copy(update={"command": None, "command_sha256": None})


def test_provenance_keeps_no_query_unless_it_is_given_one(example):
    assert example(ProvenanceRecord).query is None


@pytest.mark.parametrize("kind", DATED)
@pytest.mark.parametrize(
    "moment",
    [datetime(2025, 1, 2), datetime(2025, 1, 2, tzinfo=timezone(timedelta(hours=-5)))],
    ids=["naive", "elsewhere"],
)
def test_what_is_kept_is_dated_in_utc(example, kind, moment):
    with pytest.raises(ValidationError, match="must be in UTC"):
        example(kind).model_copy(update={"timestamp": moment})


@pytest.mark.parametrize("kind", DATED)
def test_a_record_of_another_version_is_refused(example, kind):
    with pytest.raises(ValidationError, match="schema_version"):
        example(kind).model_copy(update={"schema_version": "2"})


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "praise"},
        {"comment": "x" * 2001},
        {"correction": "x" * 4097},
        {"user_hmac": "root"},
    ],
)
def test_feedback_that_is_none_is_refused(example, change):
    with pytest.raises(ValidationError):
        example(FeedbackRecord).model_copy(update=change)


@pytest.mark.parametrize("kind", ["wrong", "unsafe", "blocked_wrongly", "other"])
def test_every_kind_of_complaint_is_taken(example, kind):
    assert example(FeedbackRecord).model_copy(update={"kind": kind}).kind == kind


def test_a_count_or_a_time_below_0_is_refused(example):
    with pytest.raises(ValidationError):
        example(PerformanceRecord).model_copy(update={"prompt_tokens": -1})
    with pytest.raises(ValidationError):
        Latency(egress_ms=-0.1)


def test_the_total_is_the_sum_over_the_boundaries_and_not_of_the_engine():
    latency = Latency(
        ingress_ms=1,
        normalize_ms=2,
        inference_ms=4,
        validation_ms=8,
        egress_ms=16,
        engine_prompt_ms=32,
        engine_decode_ms=64,
    )
    assert latency.total_ms == 31


def test_confidence_is_the_geometric_mean_of_the_token_probabilities():
    probabilities = (0.9, 0.5, 0.8)
    mean_logprob = sum(map(math.log, probabilities)) / 3
    assert confidence_of(mean_logprob) == pytest.approx(math.prod(probabilities) ** (1 / 3))
    assert confidence_of(None) is None
    assert confidence_of(0.0) == 1.0
    assert confidence_of(1e-9) == 1.0
