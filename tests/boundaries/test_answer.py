"""A response document as the command line reads it."""

from __future__ import annotations

import pytest

from cli_tuner.boundaries.answer import Answer
from cli_tuner.errors import BackendError, Exit
from cli_tuner.records import RefusalCode, Safety

STATUS = {
    RefusalCode.BAD_REQUEST: 2,
    RefusalCode.TEMPLATE_TOKEN: 2,
    RefusalCode.INJECTION: 2,
    RefusalCode.RATE_LIMITED: 1,
    RefusalCode.EMPTY: 4,
    RefusalCode.NOT_A_COMMAND: 4,
    RefusalCode.TOO_SHORT: 4,
    RefusalCode.TOO_LONG: 4,
    RefusalCode.TRUNCATED: 4,
    RefusalCode.UNPRINTABLE: 4,
    RefusalCode.SYNTAX: 4,
    RefusalCode.NEEDS_REVIEW: 10,
    RefusalCode.DANGEROUS: 11,
}


@pytest.fixture
def document(ask):
    return lambda *given, **options: ask(*given, **options).model_dump(mode="json")


def test_it_says_what_the_response_says(ask):
    response = ask("list files", "cat a.txt", "ls", candidates=2)
    answer = Answer.of(response.model_dump(mode="json"))
    assert answer.command == "cat a.txt"
    assert answer.level == "safe"
    assert answer.summary == response.verdict.summary
    assert answer.alternatives == (("ls", "safe"),)
    assert answer.short_id == response.request_id[-6:]
    assert answer.seconds == pytest.approx(response.latency.total_ms / 1000)
    assert answer.exit is Exit.OK


def test_effects_are_sentences(document):
    [effect] = Answer.of(document("show it", "cat a.txt")).effects
    assert effect.startswith("read a.txt")
    assert effect.endswith(", by cat")


def test_a_refusal_has_its_reason_and_no_command(document):
    answer = Answer.of(document("wipe it", "rm -rf /"))
    assert answer.command is None
    assert answer.exit is Exit.BLOCKED
    assert answer.refusal.startswith("CT-DEL-001")


def test_review_at_strict_is_status_10(document):
    answer = Answer.of(document("push it", "git push --force", safety=Safety.STRICT))
    assert answer.exit is Exit.REVIEW


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_its_exit_status(document, code):
    given = document("list files")
    refused = {**given, "command": None, "refusal": {"code": code.value, "message": "no"}}
    assert Answer.of(refused).exit == STATUS[code]


@pytest.mark.parametrize("missing", ["request_id", "verdict", "refusal", "latency", "notices"])
def test_an_incomplete_document_is_the_engines_fault(document, missing):
    given = document("list files")
    del given[missing]
    with pytest.raises(BackendError, match=missing):
        Answer.of(given)


@pytest.mark.parametrize("wrong", [None, [], "text", {"verdict": 3}])
def test_no_document_at_all_is_the_engines_fault_too(wrong):
    with pytest.raises(BackendError):
        Answer.of(wrong)
