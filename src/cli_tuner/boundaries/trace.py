"""The record of one crossing while it is under way: times, and what each boundary learned."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

from cli_tuner.boundaries.parts import Options, unfollowed
from cli_tuner.records import (
    Boundary,
    Latency,
    NormalizedRequest,
    RawModelOutput,
    Refusal,
    RefusalCode,
    Verdict,
    new_request_id,
)

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Refused(Exception):
    """A boundary said no. Carries the refusal, which becomes the answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Trace:
    """One crossing's notebook. Made anew for each request, never shared."""

    def __init__(
        self,
        query: str,
        options: Options,
        span: Callable[[Boundary], AbstractContextManager[object]] = unfollowed,
    ) -> None:
        self.request_id = new_request_id()
        self.received_at = datetime.now(UTC)
        self.query = query
        self.options = options
        self.span = span
        self.at = Boundary.INGRESS
        self.signals: tuple[str, ...] = ()
        self.notices: tuple[str, ...] = ()
        self.normalized: NormalizedRequest | None = None
        self.outputs: tuple[RawModelOutput, ...] = ()
        self.judged: str | None = None
        self.verdict: Verdict | None = None
        self.times_ms: dict[Boundary, float] = {}

    def through(
        self,
        boundary: Boundary,
        cross: Callable[Given, Result],
        *given: Given.args,
        **named: Given.kwargs,
    ) -> Result:
        """Cross one boundary and note how long it took, all times that it is crossed."""
        self.at = boundary
        began = time.perf_counter()
        try:
            with self.span(boundary):
                return cross(*given, **named)
        finally:
            spent_ms = (time.perf_counter() - began) * 1000
            self.times_ms[boundary] = self.times_ms.get(boundary, 0.0) + spent_ms

    def refused(
        self,
        code: RefusalCode,
        message: str,
        *,
        hint: str | None = None,
        verdict: Verdict | None = None,
    ) -> Refused:
        """The exception with which the current boundary refuses."""
        return Refused(
            Refusal(
                request_id=self.request_id,
                boundary=self.at,
                code=code,
                message=message,
                hint=hint,
                verdict=verdict,
            )
        )

    def latency(self) -> Latency:
        """The times noted so far. Engine times are the sum over all candidates."""
        spent = {f"{boundary}_ms": time_ms for boundary, time_ms in self.times_ms.items()}
        return Latency(
            **spent,
            engine_prompt_ms=sum(output.prompt_ms for output in self.outputs),
            engine_decode_ms=sum(output.decode_ms for output in self.outputs),
        )
