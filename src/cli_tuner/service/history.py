"""The last hour by minutes, for the monitoring page. In memory; the journal has the rest."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from cli_tuner.records import CommandResponse

MINUTES = 60
_LATENCIES_MAX = 2_000


@dataclass
class Minute:
    """What happened in one minute. `latencies_ms` are those of answers, at most 2,000 of them."""

    number: int
    answered: int = 0
    refused: int = 0
    failed: int = 0
    latencies_ms: list[float] = field(default_factory=list)


class History:
    """The minutes, newest last. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._minutes: deque[Minute] = deque(maxlen=MINUTES)

    def add(self, response: CommandResponse | None) -> None:
        """Count one request; None for one that failed."""
        number = int(self._clock() // 60)
        with self._lock:
            if not self._minutes or self._minutes[-1].number != number:
                self._minutes.append(Minute(number))
            minute = self._minutes[-1]
            if response is None:
                minute.failed += 1
                return
            if response.command is None:
                minute.refused += 1
            else:
                minute.answered += 1
            if len(minute.latencies_ms) < _LATENCIES_MAX:
                minute.latencies_ms.append(response.latency.total_ms)

    def minutes(self) -> list[Minute]:
        """The last hour, every minute of it, also those without requests."""
        now = int(self._clock() // 60)
        with self._lock:
            known = {minute.number: minute for minute in self._minutes}
            return [known.get(n) or Minute(n) for n in range(now - MINUTES + 1, now + 1)]


def percentile(values: list[float], share: float) -> float | None:
    """The nearest-rank percentile, `share` from 0 to 1; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000 * len(ordered)) // 1000) - 1))]
