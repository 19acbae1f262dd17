"""The interval that stands beside every rate."""

from __future__ import annotations

import math

_Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of `hits` out of `n` (1927, doi:10.2307/2276774), 0 to 1.

    Raises ValueError over nothing.
    """
    if n == 0:
        raise ValueError("a rate over nothing")
    share, square = hits / n, _Z * _Z
    middle = share + square / (2 * n)
    half = _Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    scale = 1 + square / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
