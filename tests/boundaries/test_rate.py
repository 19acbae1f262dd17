"""The token bucket: bursts pass, floods wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_tuner.boundaries import rate
from cli_tuner.boundaries.rate import RateLimiter


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_zero_means_no_limit():
    limiter = RateLimiter(0)
    assert all(limiter.wait_s("me") == 0 for _ in range(1000))


def test_ten_at_once_pass_whatever_the_rate():
    limiter = RateLimiter(1, clock=Clock())
    assert [limiter.wait_s("me") for _ in range(10)] == [0.0] * 10
    assert limiter.wait_s("me") == pytest.approx(60)


def test_being_told_to_wait_does_not_make_the_wait_longer():
    limiter = RateLimiter(60, clock=Clock())
    for _ in range(15):
        limiter.wait_s("me")
    assert limiter.wait_s("me") == limiter.wait_s("me") == pytest.approx(1)


def test_after_the_wait_exactly_one_is_free():
    clock = Clock()
    limiter = RateLimiter(60, clock=clock)
    for _ in range(15):
        limiter.wait_s("me")
    clock.now += limiter.wait_s("me")
    assert limiter.wait_s("me") == 0
    assert limiter.wait_s("me") > 0


def test_the_number_of_remembered_callers_is_bounded(monkeypatch):
    monkeypatch.setattr(rate, "_MOST_CALLERS", 3)
    limiter = RateLimiter(60, clock=Clock())
    for caller in "abcdef":
        limiter.wait_s(caller)
    assert len(limiter._buckets) == 3


@given(st.lists(st.floats(0, 5), max_size=200))
def test_no_pattern_of_calls_gets_more_than_burst_and_rate(pauses):
    clock = Clock()
    limiter = RateLimiter(60, clock=clock)
    passed = 0
    for pause in pauses:
        clock.now += pause
        passed += limiter.wait_s("me") == 0
    assert passed <= 15 + clock.now + 1e-6
