"""Boundaries 1 and 2: what counts as a request, and what proves that a prompt is its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cli_tuner.prompt import to_prompt
from cli_tuner.records import CommandRequest, NormalizedRequest, new_request_id, sha256_of


def requested(query: str, **changes) -> CommandRequest:
    fields = {"model": "fast", "received_at": datetime.now(UTC), **changes}
    return CommandRequest(request_id=new_request_id(), query=query, **fields)


@pytest.mark.parametrize(
    "query",
    [
        "abc",
        "x" * 500,
        "ls -R README",
        "list files\tby size\nnewest first\r\n",
        "trouve les fichiers modifiés hier",
        "大きいファイル",
        "ابحث عن الملفات",
        "show 🙂 files",
        "👩\u200d💻 laptop battery",
        "e\u0301te",
        "  abc  ",
        " " * 600 + "abc",
    ],
)
def test_a_query_that_says_something_is_taken(query):
    assert requested(query).query == query


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "has 0 characters; say it in at least 3"),
        ("ab", "has 2 characters; say it in at least 3"),
        ("  a  ", "has 1 characters"),
        ("x" * 501, "has 501 characters; say it in at most 500"),
        ("x" * 1_000_000, "has 1000000 characters"),
        ("list\0files", r"control character \(U\+0000\)"),
        ("list \x1b[31mfiles", r"control character \(U\+001B\)"),
        ("list files\x07", r"control character \(U\+0007\)"),
        ("list \x7f files", r"control character \(U\+007F\)"),
        ("list \x9b files", r"control character \(U\+009B\)"),
        ("list \u202e files", r"text-direction override \(U\+202E\)"),
        ("list \u2066 files", r"text-direction override \(U\+2066\)"),
        ("🙂🙂🙂", "no letter or digit"),
        ("?!... ---", "no letter or digit"),
        ("list \ud800 files", "surrogate"),
        ("list \udcff files", "surrogate"),
    ],
)
def test_a_query_that_is_no_request_is_refused_with_the_reason(query, why):
    with pytest.raises(ValidationError, match=why):
        requested(query)


@pytest.mark.parametrize("code", [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
def test_every_direction_override_is_refused(code):
    with pytest.raises(ValidationError, match="text-direction override"):
        requested(f"list {chr(code)} files")


@settings(deadline=None)
@given(st.text(max_size=600))
def test_any_text_is_either_taken_as_it_is_or_refused(query):
    try:
        taken = requested(query)
    except ValidationError:
        return
    assert taken.query == query
    assert 3 <= len(query.strip()) <= 500
    assert any(char.isalnum() for char in query)


@pytest.mark.parametrize(
    "change",
    [
        {"candidates": 0},
        {"candidates": 9},
        {"candidates": True},
        {"model": ""},
        {"safety": "strict"},
        {"safety": "off"},
        {"caller": "cli"},
        {"retain_query": 1},
        {"received_at": "2025-01-02T03:04:05Z"},
        {"received_at": 0},
    ],
)
def test_a_wrong_option_is_refused(change):
    with pytest.raises(ValidationError):
        requested("list files", **change)


@pytest.mark.parametrize(
    "moment",
    [datetime(2025, 1, 2), datetime(2025, 1, 2, tzinfo=timezone(timedelta(hours=2)))],
    ids=["naive", "elsewhere"],
)
def test_a_moment_that_is_not_in_utc_is_refused(moment):
    with pytest.raises(ValidationError, match="must be in UTC"):
        requested("list files", received_at=moment)


def test_queries_are_not_kept_unless_asked_for():
    assert requested("list files").retain_query is False


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("cafe\u0301 files", "not in NFC"),
        ("list  files", "surplus white space"),
        (" list files", "surplus white space"),
        ("list\nfiles", "surplus white space"),
        ("list\u00a0files", "surplus white space"),
        ("ab", "at least 3"),
        ("x" * 501, "at most 500"),
    ],
)
def test_a_query_that_is_not_in_its_canonical_form_is_refused(example, query, why):
    prompt = to_prompt(query)
    changes = {"query": query, "prompt": prompt, "prompt_sha256": sha256_of(prompt)}
    with pytest.raises(ValidationError, match=why):
        example(NormalizedRequest).model_copy(update=changes)


def test_the_case_of_a_query_is_untouched(example):
    prompt = to_prompt("show README with less -R")
    changes = {"query": "show README with less -R", "prompt": prompt}
    changed = example(NormalizedRequest).model_copy(
        update={**changes, "prompt_sha256": sha256_of(prompt)}
    )
    assert changed.query == "show README with less -R"


def test_a_prompt_of_another_query_is_refused(example):
    with pytest.raises(ValidationError, match="prompt was not made from this query"):
        example(NormalizedRequest).model_copy(update={"query": "wipe this machine"})


def test_a_prompt_with_another_digest_is_refused(example):
    normalized = example(NormalizedRequest)
    with pytest.raises(ValidationError, match="prompt_sha256 is not that of the prompt"):
        normalized.model_copy(update={"prompt": normalized.prompt + " and more"})
