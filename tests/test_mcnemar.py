from __future__ import annotations

import pytest

from cli_tuner.mcnemar import mcnemar_p


@pytest.mark.parametrize(
    ("fixed", "broken", "p"),
    # 2 * binom.cdf(min, n, 0.5), at most 1
    [(0, 0, 1.0), (1, 0, 1.0), (5, 5, 1.0), (10, 2, 0.0385742), (0, 6, 0.03125), (59, 86, 0.0305)],
)
def test_mcnemar_is_the_exact_one(fixed, broken, p):
    assert mcnemar_p(fixed, broken) == pytest.approx(p, abs=5e-5)
