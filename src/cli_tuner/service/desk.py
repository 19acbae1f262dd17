"""Where blocking work is done: so many at a time, so many waiting, nobody for ever.

A request whose caller left, or whose time is up, is told so (`stop`): the engine ends it between
two tokens. Its place is taken until its thread is really done.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from cli_tuner.errors import BackendTimeout, Cancelled
from cli_tuner.service.problem import Problem

Result = TypeVar("Result")

_FIRST_GUESS_S = 1.0
_SMOOTHING = 0.1
_LONGEST_WAIT_S = 60


class Desk:
    """Workers and their queue. Used from one event loop."""

    def __init__(self, workers: int, queue: int, timeout_s: float) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="work")
        self._workers = workers
        self._most = workers + queue
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._taken = 0
        self._working = 0
        self._usual_s = _FIRST_GUESS_S

    @property
    def working(self) -> int:
        """Requests being worked on."""
        return self._working

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return max(0, self._taken - self._working)

    @property
    def is_full(self) -> bool:
        """Whether the next one would be turned away."""
        return self._taken >= self._most

    async def run(
        self,
        work: Callable[[Callable[[], bool]], Result],
        left: Callable[[], Awaitable[None]],
    ) -> Result:
        """What `work(stop)` returns. `left` returns when the caller is gone.

        Raises Problem 429 when full, BackendTimeout when it takes too long, Cancelled when the
        caller left, and what the work raises.
        """
        future, stop = self._begun(work)
        answer = asyncio.wrap_future(future)
        leaving = asyncio.ensure_future(left())
        both: set[asyncio.Future[Any]] = {answer, leaving}
        try:
            done, _ = await asyncio.wait(
                both, timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if answer in done:
                return answer.result()
            if leaving in done:
                raise Cancelled("the caller left")
            raise BackendTimeout(f"no answer within {self._timeout_s:g} s")
        finally:
            stop.set()
            leaving.cancel()
            answer.cancel()

    def _begun(
        self, work: Callable[[Callable[[], bool]], Result]
    ) -> tuple[Future[Result], threading.Event]:
        stop = threading.Event()
        with self._lock:
            if self._taken >= self._most:
                raise Problem(
                    429, "too much to do at the moment", code="busy", retry_after_s=self._patience()
                )
            self._taken += 1
        future = self._pool.submit(contextvars.copy_context().run, self._work, work, stop)
        future.add_done_callback(self._ended)
        return future, stop

    def _work(self, work: Callable[[Callable[[], bool]], Result], stop: threading.Event) -> Result:
        began = time.monotonic()
        with self._lock:
            self._working += 1
        try:
            return work(stop.is_set)
        finally:
            with self._lock:
                self._working -= 1
                self._usual_s += _SMOOTHING * (time.monotonic() - began - self._usual_s)

    def _ended(self, _: Future[Result]) -> None:
        with self._lock:
            self._taken -= 1

    def _patience(self) -> int:
        """Seconds until there should be room: the queue at the usual pace."""
        seconds = self._usual_s * self._most / self._workers
        return min(_LONGEST_WAIT_S, max(1, math.ceil(seconds)))

    def close(self) -> None:
        """Wait for what is being worked on; what waits is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)
