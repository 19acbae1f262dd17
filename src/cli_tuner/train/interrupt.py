"""How a sitting ends before its run does: after a step, never within one."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Watches the clock, Ctrl-C and SIGTERM. A second Ctrl-C ends at once, without a checkpoint."""

    def __init__(self, max_minutes: float | None) -> None:
        seconds = float("inf") if max_minutes is None else max_minutes * 60
        self._deadline = time.monotonic() + seconds
        self._signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._told) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _told(self, number: int, _frame: FrameType | None) -> None:
        if self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number

    @property
    def wanted(self) -> bool:
        """Whether the sitting should end now."""
        return self._signal is not None or time.monotonic() >= self._deadline

    def obey(self, paused: Callable[[], Exception]) -> None:
        """End the sitting if it should; `paused` says how."""
        if self._signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self.wanted:
            raise paused()
