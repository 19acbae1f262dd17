"""The last hour, minute by minute."""

import pytest

from cli_tuner.service.history import MINUTES, History, percentile


def test_minutes_without_requests_are_there_too():
    now = [60.0 * 1_000]
    history = History(lambda: now[0])
    history.add(None)
    now[0] += 120
    history.add(None)
    minutes = history.minutes()
    assert len(minutes) == MINUTES
    assert [minute.failed for minute in minutes[-3:]] == [1, 0, 1]
    now[0] += 2 * 3600
    assert sum(minute.failed for minute in history.minutes()) == 0


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([7], 0.99, 7), ([1, 2, 3, 4], 0.5, 2), (list(range(1, 101)), 0.95, 95)],
)
def test_percentiles_are_values_that_were_there(values, share, expected):
    assert percentile(values, share) == expected
