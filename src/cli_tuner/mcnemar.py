"""The test that stands beside a comparison of two models on the same items."""

from __future__ import annotations

from math import comb


def mcnemar_p(fixed: int, broken: int) -> float:
    """McNemar's exact p, two-sided, for so many items changed in either direction (1947,
    doi:10.1007/BF02295996).
    """
    n, few = fixed + broken, min(fixed, broken)
    tail: int = sum(comb(n, k) for k in range(few + 1))
    whole: int = 2**n
    return min(1.0, 2 * tail / whole)
