"""Verdicts: the level follows from the reasons, and is about one text."""

from __future__ import annotations

import itertools

import pytest

from cli_tuner.records import Effect, EffectKind, Level, Reason, Safety, Span, Verdict


def test_levels_are_ordered_by_severity():
    assert [level.severity for level in (Level.SAFE, Level.REVIEW, Level.DANGEROUS)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("safety", "level", "permitted"),
    [
        (Safety.MODERATE, Level.SAFE, True),
        (Safety.MODERATE, Level.REVIEW, True),
        (Safety.MODERATE, Level.DANGEROUS, False),
        (Safety.STRICT, Level.SAFE, True),
        (Safety.STRICT, Level.REVIEW, False),
        (Safety.STRICT, Level.DANGEROUS, False),
    ],
)
def test_dangerous_is_never_permitted_and_review_not_at_strict(safety, level, permitted):
    assert safety.permits(level) is permitted


def test_a_tighter_safety_permits_nothing_more():
    for level in Level:
        assert Safety.STRICT.permits(level) <= Safety.MODERATE.permits(level)


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize(
    "of_reasons", [*itertools.combinations_with_replacement(Level, 2), (), *zip(Level)]
)
def test_the_level_is_that_of_the_worst_reason(verdict_on, reason_at, level, of_reasons):
    worst = max(of_reasons, key=lambda one: one.severity, default=Level.SAFE)
    reasons = tuple(reason_at(level=one) for one in of_reasons)
    if level is worst:
        assert verdict_on(level=level, reasons=reasons).level is level
    else:
        with pytest.raises(ValueError, match="does not follow from the reasons"):
            verdict_on(level=level, reasons=reasons)


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n"])
@pytest.mark.parametrize("field", ["command_sha256", "ruleset_digest", "policy_digest"])
def test_what_is_no_digest_is_refused(verdict_on, field, digest):
    with pytest.raises(ValueError, match=field):
        verdict_on(**{field: digest})


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2), (0, -1)])
def test_a_span_that_runs_backwards_is_refused(start, end):
    with pytest.raises(ValueError):
        Span(start=start, end=end)


def test_a_span_may_be_empty():
    assert Span(start=3, end=3).end == 3


def test_an_effect_is_of_a_known_kind(example):
    with pytest.raises(ValueError):
        example(Effect).changed(kind="explode")
    assert example(Effect).changed(kind=EffectKind.OPAQUE).kind == "opaque"


def test_a_tampered_reason_inside_a_verdict_is_found_out(example):
    verdict, reason = example(Verdict), example(Reason)
    object.__setattr__(reason, "level", "harmless")
    with pytest.raises(ValueError):
        verdict.changed(reasons=(reason,))
