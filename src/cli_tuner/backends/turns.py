"""Who may use which slot of the engine now, and never more tokens than the context holds."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator

from cli_tuner.errors import Cancelled

_POLL_S = 0.1


class Turns:
    """Turns in the order of asking; each takes one of `slots` and some of `tokens`.

    The engine shares its context between the requests it decodes together, and fails all of them
    when it overflows. So a long request waits until there is room, and nobody overtakes it.
    """

    def __init__(self, slots: int, tokens: int) -> None:
        self._free = list(range(slots))
        self._all = self._tokens = tokens
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    def wait_idle(self) -> None:
        """Return as soon as nobody has a slot."""
        with self._changed:
            self._changed.wait_for(lambda: self._tokens == self._all)

    @contextlib.contextmanager
    def taken(self, tokens: int, cancelled: Callable[[], bool]) -> Iterator[int]:
        """Hold a slot and so many tokens (at most all there are); gives the slot's number.

        The lowest free slot, so that who asks alone meets the same one each time.

        Raises Cancelled soon after `cancelled()` becomes true while waiting.
        """
        tokens = min(tokens, self._all)
        slot = self._wait(tokens, cancelled)
        try:
            yield slot
        finally:
            with self._changed:
                self._free.append(slot)
                self._tokens += tokens
                self._changed.notify_all()

    def _wait(self, tokens: int, cancelled: Callable[[], bool]) -> int:
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                while True:
                    if cancelled():
                        raise Cancelled("cancelled before it began")
                    if self._is_free(ticket, tokens):
                        break
                    self._changed.wait(_POLL_S)
                slot = min(self._free)
                self._free.remove(slot)
                self._tokens -= tokens
                return slot
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def _is_free(self, ticket: object, tokens: int) -> bool:
        return self._waiting[0] is ticket and bool(self._free) and self._tokens >= tokens
