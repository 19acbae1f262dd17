"""A token bucket for each caller: bursts are fine, floods are not."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_CALLERS = 10_000


class RateLimiter:
    """At most `per_minute` requests a minute from one caller; 0 means no limit. Thread-safe.

    A full bucket holds a quarter of a minute's requests, at least ten, so that ten parallel calls
    of a script pass. Buckets are kept for the last 10,000 callers.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60.0
        self._most = max(10.0, per_minute / 4.0)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """0 and one request taken, or how many seconds until the next one is free."""
        if self._rate <= 0:
            return 0.0
        with self._lock:
            now = self._clock()
            tokens, since = self._buckets.pop(caller, (self._most, now))
            tokens = min(self._most, tokens + (now - since) * self._rate)
            wait = 0.0 if tokens >= 1.0 else (1.0 - tokens) / self._rate
            self._buckets[caller] = (tokens if wait else tokens - 1.0, now)
            if len(self._buckets) > _MOST_CALLERS:
                self._buckets.popitem(last=False)
            return wait
