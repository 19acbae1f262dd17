"""One line: any record there is survives it, and no part of a line passes for a whole one."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from cli_tuner.journal.line import GENESIS, canonical, parse_line, sealed
from cli_tuner.records import (
    Caller,
    FeedbackRecord,
    Latency,
    Level,
    PerformanceRecord,
    ProvenanceRecord,
    RefusalCode,
    Safety,
    ValidationErrorRecord,
    new_request_id,
    sha256_of,
)

DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
MOMENTS = st.datetimes(timezones=st.just(UTC))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
IDS = st.builds(new_request_id)
COMMANDS = st.none() | TEXTS
TIMES_MS = st.floats(min_value=0, max_value=1e9)


def digest_of(command: str | None) -> str | None:
    return None if command is None else sha256_of(command)


PROVENANCE = st.builds(
    ProvenanceRecord,
    schema_version=st.just("1"),
    request_id=IDS,
    timestamp=MOMENTS,
    caller=st.sampled_from(Caller),
    user_hmac=DIGESTS,
    query_hmac=DIGESTS,
    query=st.none() | TEXTS,
    command=st.shared(COMMANDS, key="command"),
    command_sha256=st.shared(COMMANDS, key="command").map(digest_of),
    level=st.none() | st.sampled_from(Level),
    rule_ids=st.lists(TEXTS, max_size=3).map(tuple),
    refusal=st.none() | st.sampled_from(RefusalCode),
    signals=st.lists(TEXTS, max_size=3).map(tuple),
    safety=st.sampled_from(Safety),
    model=st.none(),
    template_sha256=st.none() | DIGESTS,
    ruleset_digest=st.none() | DIGESTS,
    policy_digest=st.none() | DIGESTS,
    code_version=TEXTS,
)
PERFORMANCE = st.builds(
    PerformanceRecord,
    schema_version=st.just("1"),
    request_id=IDS,
    timestamp=MOMENTS,
    latency=st.builds(Latency, ingress_ms=TIMES_MS, inference_ms=TIMES_MS),
    prompt_tokens=st.integers(min_value=0),
    mean_logprob=st.none() | st.floats(max_value=0, allow_infinity=False, allow_nan=False),
    valid=st.booleans(),
    level=st.none() | st.sampled_from(Level),
    model=TEXTS,
)
REFUSALS = st.builds(
    ValidationErrorRecord,
    schema_version=st.just("1"),
    request_id=IDS,
    timestamp=MOMENTS,
    boundary=TEXTS,
    reason=st.sampled_from(RefusalCode),
    rule=st.none() | TEXTS,
)
SAYINGS = st.builds(
    FeedbackRecord,
    schema_version=st.just("1"),
    request_id=IDS,
    timestamp=MOMENTS,
    user_hmac=DIGESTS,
    kind=st.sampled_from(["wrong", "unsafe", "blocked_wrongly", "other", "validation_error"]),
    comment=TEXTS,
    correction=st.none() | TEXTS,
)
RECORDS = PROVENANCE | PERFORMANCE | REFUSALS | SAYINGS


@settings(deadline=None)
@given(record=RECORDS, prev=DIGESTS)
def test_any_record_survives_its_line(record, prev):
    line, own = sealed(record, prev)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert line.isascii()
    read = parse_line(line[:-1])
    assert (read.prev, read.hash, read.is_intact) == (prev, own, True)
    assert type(record).model_validate_json(read.body) == record


@settings(deadline=None)
@given(record=SAYINGS, cut=st.integers(min_value=0))
def test_a_part_of_a_line_is_never_a_whole_one(record, cut):
    line, _ = sealed(record, GENESIS)
    whole = line[:-1]
    assert parse_line(whole) is not None
    assert parse_line(whole[: cut % len(whole)]) is None


def test_a_comment_that_looks_like_a_seal_is_a_comment():
    seal = f',"prev":"{GENESIS}","hash":"{GENESIS}"}}'
    record = FeedbackRecord(
        request_id=new_request_id(),
        timestamp=datetime.now(UTC),
        user_hmac=GENESIS,
        kind="other",
        comment=seal,
    )
    line, _ = sealed(record, GENESIS)
    assert all(parse_line(line[:end]) is None for end in range(len(line) - 1))
    assert FeedbackRecord.model_validate_json(parse_line(line[:-1]).body).comment == seal


@settings(deadline=None)
@given(record=RECORDS)
def test_the_hash_is_what_the_documentation_says(record):
    line, own = sealed(record, GENESIS)
    fields = json.loads(line)
    assert fields.pop("hash") == own
    prev = fields.pop("prev")
    plain = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    assert plain.encode() == canonical(record)
    assert hashlib.sha256((prev + plain).encode()).hexdigest() == own


def test_no_record_has_a_field_that_the_chain_needs():
    for record in (ProvenanceRecord, PerformanceRecord, ValidationErrorRecord, FeedbackRecord):
        assert not {"prev", "hash"} & set(record.model_fields)
