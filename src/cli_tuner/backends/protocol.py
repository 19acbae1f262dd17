"""The one thing that boundary 3 knows about models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from cli_tuner.records import ModelIdentity, NormalizedRequest, RawModelOutput


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. Temperature 0 is greedy, where the seed has no meaning."""

    max_new_tokens: int = 96
    temperature: float = 0.0
    seed: int | None = None


def never() -> bool:
    """The answer of somebody who waits: not cancelled."""
    return False


class Backend(Protocol):
    """Completes prompts. What it returns is untrusted."""

    @property
    def identity(self) -> ModelIdentity:
        """Which weights answer, through which engine."""

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        """One completion of the request's prompt.

        Raises BackendUnreachable, BackendTimeout or BackendError, and Cancelled soon after
        `cancelled()` becomes true.
        """

    def sample(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        count: int,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[RawModelOutput, ...]:
        """`count` sampled completions of one prompt, decoded together where that can be.

        The first has the sampling's seed and the others seeds that follow from it, so that the
        same question gets the same completions. Raises as `complete` does.
        """

    def close(self) -> None:
        """Let go of what is held. Calling it twice is harmless."""


def one_by_one(
    complete: Callable[[NormalizedRequest, Sampling, Callable[[], bool]], RawModelOutput],
    request: NormalizedRequest,
    sampling: Sampling,
    count: int,
    cancelled: Callable[[], bool] = never,
) -> tuple[RawModelOutput, ...]:
    """`Backend.sample` for a backend that cannot decode several at once."""
    first = sampling.seed or 0
    return tuple(
        complete(request, replace(sampling, seed=first + number), cancelled)
        for number in range(count)
    )
