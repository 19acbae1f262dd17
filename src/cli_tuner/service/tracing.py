"""Traces: what follows a request through the service, if somebody asked for it.

Nobody did, unless `cli-tuner serve` was given `--traces`; then the module `opentelemetry` makes
spans of the same moments. It, and what it imports, is loaded only then.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from cli_tuner.artifacts.extras import require
from cli_tuner.records import (
    Boundary,
    PerformanceRecord,
    ProvenanceRecord,
    ValidationErrorRecord,
    Verdict,
)

if TYPE_CHECKING:
    import httpx


class RequestSpan:
    """One request over HTTP. This one remembers nothing."""

    def ended(self, status: int, request_id: str, caller: str) -> None:
        """How it ended; `caller` is a key's id, `request_id` what the answer's header says."""


_NO_SPAN = RequestSpan()


class Tracing:
    """What a service tells of its requests. This one keeps nothing of it."""

    def request(
        self, method: str, route: str, headers: Mapping[str, str]
    ) -> AbstractContextManager[RequestSpan]:
        """Around one request; `route` is one of the service's own, or "other"."""
        return nullcontext(_NO_SPAN)

    def boundary(self, boundary: Boundary) -> AbstractContextManager[object]:
        """Around the crossing of one boundary."""
        return nullcontext()

    def crossed(
        self,
        provenance: ProvenanceRecord,
        performance: PerformanceRecord,
        error: ValidationErrorRecord | None,
    ) -> None:
        """What came of the crossings of this request, as the journal keeps it."""

    def judged(self, verdict: Verdict) -> None:
        """A verdict that was asked for by itself."""

    def on_request(self, request: httpx.Request) -> None:
        """Before an engine's endpoint is asked: headers that tell it which trace this is."""

    def close(self) -> None:
        """Send what is left."""


def tracing_of(wanted: bool) -> Tracing:
    """Traces as the OTEL_* environment variables say, or none.

    Raises ExtraMissing without the packages, ConfigError for variables that cannot be followed.
    """
    if not wanted:
        return Tracing()
    for module in ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http"):
        require(module, "otel")
    from cli_tuner.service.opentelemetry import from_environment

    return from_environment()
