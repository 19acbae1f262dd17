from __future__ import annotations

import pytest

from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.rate import Mean, Rate, bootstrapped


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_is_what_the_literature_has(hits, n, low, high):
    assert Rate(hits, n).interval == pytest.approx((low, high), abs=6e-5)


def test_all_and_none_end_at_the_end():
    assert Rate(0, 5).interval[0] == 0
    assert Rate(5, 5).interval[1] == 1


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_a_rate_over_nothing_is_an_error(hits, n):
    with pytest.raises(EvaluationError):
        Rate(hits, n)


def test_the_bootstrap_is_seeded_and_holds_the_value():
    values = [float(number % 7) for number in range(100)]
    found = bootstrapped(values, lambda some: sum(some) / len(some))
    assert found == bootstrapped(values, lambda some: sum(some) / len(some))
    assert isinstance(found, Mean)
    assert found.low < found.value < found.high
    with pytest.raises(EvaluationError, match="over nothing"):
        bootstrapped([], len)
