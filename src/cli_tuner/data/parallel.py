"""A function over chunks in several processes: results in order, a bounded number in flight."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from cli_tuner.errors import DataError

In = TypeVar("In")
Out = TypeVar("Out")


class Pool:
    """Where chunks are worked on. With one worker that is this process."""

    def __init__(self, executor: Executor | None, workers: int) -> None:
        self._executor = executor
        self._ahead = 2 * workers + 1

    def map(self, function: Callable[[In], Out], chunks: Iterable[In]) -> Iterator[Out]:
        """The results in the order of the chunks. Chunks are taken only as they are needed.

        Raises DataError if a process is killed, and whatever the function raises.
        """
        if self._executor is None:
            yield from map(function, chunks)
            return
        waiting: deque[Future[Out]] = deque()
        left = iter(chunks)
        try:
            for chunk in left:
                waiting.append(self._executor.submit(function, chunk))
                if len(waiting) >= self._ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise DataError(
                "a worker process ended by itself; perhaps the memory was full",
                hint="try fewer with --set workers=1",
            ) from error


@contextmanager
def pool(workers: int, prepare: Callable[..., None], *arguments: Any) -> Iterator[Pool]:
    """Processes that ran `prepare(*arguments)`; 0 workers means one per core.

    Leaving early, by an error or Ctrl-C, drops what has not begun.
    """
    workers = workers or os.cpu_count() or 1
    if workers == 1:
        prepare(*arguments)
        yield Pool(None, 1)
        return
    executor = ProcessPoolExecutor(
        workers,
        multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(prepare, arguments),
    )
    try:
        yield Pool(executor, workers)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _begin(prepare: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    # Ctrl-C reaches the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare(*arguments)


def _end_with_parent() -> None:
    """A parent that was killed cannot say goodbye, and its workers would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def chunked(items: Iterable[In], size: int) -> Iterator[list[In]]:
    """The items in lists of `size`, the last one shorter."""
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk
