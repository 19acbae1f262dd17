"""Any number of OpenAI-compatible endpoints as one backend: health-checked, least loaded, retried.

A request goes to the endpoint that works on the fewest, among those that answered last time they
were asked. One that breaks off, or fails on its side, is asked no more until it answers a probe,
and the request goes to the next; the same greedy request twice does no harm.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cli_tuner.backends.http import HttpBackend
from cli_tuner.backends.protocol import Sampling, never
from cli_tuner.errors import BackendError, BackendTimeout, BackendUnreachable, Cancelled
from cli_tuner.records import ModelIdentity, NormalizedRequest, RawModelOutput

_ATTEMPTS = 3
Answered = TypeVar("Answered")


@dataclass
class _Member:
    backend: HttpBackend
    shown: str
    busy: int = 0
    served: int = 0
    is_up: bool = True


class Fleet:
    """The endpoints. Threads may share it."""

    def __init__(self, backends: Sequence[HttpBackend]) -> None:
        self._members = [_Member(backend, backend.shown) for backend in backends]
        self._lock = threading.Lock()

    @property
    def identity(self) -> ModelIdentity:
        """What the first endpoint that is up serves. Raises as `complete` does."""
        members = sorted(self._members, key=lambda member: not member.is_up)
        return members[0].backend.identity

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        """One completion, by whoever is least loaded; by another if that one fails."""
        return self._asked(lambda backend: backend.complete(request, sampling, cancelled))

    def sample(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        count: int,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[RawModelOutput, ...]:
        """Several completions, all by the same endpoint."""
        return self._asked(lambda backend: backend.sample(request, sampling, count, cancelled))

    def _asked(self, ask: Callable[[HttpBackend], Answered]) -> Answered:
        tried: list[_Member] = []
        while True:
            member = self._taken(tried)
            try:
                return ask(member.backend)
            except (Cancelled, BackendTimeout):
                raise  # another one would take as long
            except BackendError as error:
                tried.append(member)
                if isinstance(error, BackendUnreachable):
                    member.is_up = False
                if len(tried) >= min(_ATTEMPTS, len(self._members)):
                    raise
            finally:
                with self._lock:
                    member.busy -= 1

    def _taken(self, tried: list[_Member]) -> _Member:
        with self._lock:
            left = [member for member in self._members if member not in tried]
            # When all are down one of them is asked all the same: it may be back.
            up = [member for member in left if member.is_up] or left
            member = min(up, key=lambda member: (member.busy, member.served))
            member.busy += 1
            member.served += 1
            return member

    def probe(self) -> dict[str, str | None]:
        """Ask every endpoint whether it serves; why not, by its address."""
        said: dict[str, str | None] = {}
        for member in self._members:
            try:
                member.backend.probe()
            except BackendError as error:
                member.is_up = False
                said[member.shown] = str(error)
            else:
                member.is_up = True
                said[member.shown] = None
        return said

    def close(self) -> None:
        """Close all connections."""
        for member in self._members:
            member.backend.close()
