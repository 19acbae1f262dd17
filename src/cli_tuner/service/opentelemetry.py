"""OpenTelemetry spans: one for each request over HTTP, below it one for each boundary.

    POST /v1/generate                     server; status, level, rules, refusal, tokens, digests
      boundary.ingress
      boundary.normalize
      boundary.inference                  its context goes on to an endpoint, as `traceparent`
      boundary.validation
      boundary.egress

Configured by OpenTelemetry's own variables: OTEL_EXPORTER_OTLP_*, OTEL_TRACES_EXPORTER (otlp,
console, none), OTEL_TRACES_SAMPLER, OTEL_BSP_*, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
OTEL_PROPAGATORS, OTEL_SDK_DISABLED. A collector that is not there costs its spans, and no request.

Covers: a query, a command, a comment, an address or an error's message is never an attribute, since
a message may quote what somebody wrote; of an error its type is kept.
Does not cover: what an endpoint that is given the `traceparent` records about the request.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from opentelemetry import propagate
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
)
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from cli_tuner import __version__
from cli_tuner.boundaries.trace import Refused
from cli_tuner.errors import Cancelled, ConfigError
from cli_tuner.records import (
    Boundary,
    PerformanceRecord,
    ProvenanceRecord,
    ValidationErrorRecord,
    Verdict,
    confidence_of,
)
from cli_tuner.service.access import PUBLIC
from cli_tuner.service.tracing import RequestSpan, Tracing

if TYPE_CHECKING:
    import httpx

_UNTRACED = PUBLIC | {"/metrics"}
"""Asked for every few seconds by machines; their spans would bury the others."""
_PROTOCOL = "http/protobuf"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"})

_request: ContextVar[Span | None] = ContextVar("request", default=None)
"""The span of the request under way; its worker thread has a copy of the context."""


class Traced(Tracing):
    """Spans, sent by this provider."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("cli_tuner", __version__)

    @contextmanager
    def request(self, method: str, route: str, headers: Mapping[str, str]) -> Iterator[RequestSpan]:
        """A server's span, below the caller's if its headers name one."""
        if route in _UNTRACED:
            yield RequestSpan()
            return
        shown = method if method in _METHODS else "_OTHER"
        with self._tracer.start_as_current_span(
            f"{shown} {route}",
            context=propagate.extract(headers),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": shown, "http.route": route},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            token = _request.set(span)
            try:
                yield _Served(span)
            finally:
                _request.reset(token)

    @contextmanager
    def boundary(self, boundary: Boundary) -> Iterator[None]:
        """A span of its own; what goes wrong in it leaves a type or a code, never a message."""
        with self._tracer.start_as_current_span(
            f"boundary.{boundary.value}",
            attributes={"cli_tuner.boundary": boundary.value},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Refused as refused:  # an answer like another
                span.set_attribute("cli_tuner.refusal", refused.refusal.code.value)
                raise
            except Cancelled:
                span.set_attribute("cli_tuner.cancelled", True)
                raise
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    def crossed(
        self,
        provenance: ProvenanceRecord,
        performance: PerformanceRecord,
        error: ValidationErrorRecord | None,
    ) -> None:
        """Its numbers and digests, on the request's span."""
        span = _request.get()
        if span is None or not span.is_recording():
            return
        span.set_attribute("cli_tuner.answer_id", provenance.request_id)
        span.set_attribute("cli_tuner.safety", provenance.safety.value)
        if provenance.level is not None:
            _judged(span, provenance.level.value, provenance.rule_ids)
        if error is not None:
            span.set_attribute("cli_tuner.refusal", error.reason.value)
            span.set_attribute("cli_tuner.refused_at", error.boundary)
        if provenance.model is not None:
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gen_ai.response.model", provenance.model.name)
            span.set_attribute("gen_ai.usage.input_tokens", performance.prompt_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", performance.completion_tokens)
            if provenance.model.sha256:
                span.set_attribute("cli_tuner.model_sha256", provenance.model.sha256)
        confidence = confidence_of(performance.mean_logprob)
        if confidence is not None:
            span.set_attribute("cli_tuner.confidence", confidence)

    def judged(self, verdict: Verdict) -> None:
        """Its level and rules, on the request's span."""
        span = _request.get()
        if span is not None and span.is_recording():
            rules = tuple(reason.rule_id for reason in verdict.reasons)
            _judged(span, verdict.level.value, rules)

    def on_request(self, request: httpx.Request) -> None:
        """`traceparent`, or what else OTEL_PROPAGATORS names."""
        propagate.inject(request.headers)

    def close(self) -> None:
        """Send what is left, for as long as OTEL_EXPORTER_OTLP_TIMEOUT allows."""
        self._provider.shutdown()


class _Served(RequestSpan):
    def __init__(self, span: Span) -> None:
        self._span = span

    def ended(self, status: int, request_id: str, caller: str) -> None:
        """An answer of 500 and above is an error of ours, as OpenTelemetry wants it told."""
        self._span.set_attribute("http.response.status_code", status)
        self._span.set_attribute("http.response.header.x-request-id", (request_id,))
        self._span.set_attribute("cli_tuner.caller", caller)
        if status >= 500:
            self._span.set_attribute("error.type", str(status))
            self._span.set_status(Status(StatusCode.ERROR))


def _judged(span: Span, level: str, rules: tuple[str, ...]) -> None:
    span.set_attribute("cli_tuner.level", level)
    span.set_attribute("cli_tuner.rules", tuple(dict.fromkeys(rules)))


def from_environment() -> Traced:
    """As the variables say. Raises ConfigError for an exporter or protocol that is not here."""
    exporter = _exporter()
    own = {SERVICE_VERSION: __version__}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        named = "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        own |= {} if named else {SERVICE_NAME: "cli-tuner"}
    provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traced(provider)


def _exporter() -> SpanExporter | None:
    name = os.environ.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    if name == "none":
        return None
    if name == "console":
        return ConsoleSpanExporter()
    if name != "otlp":
        raise ConfigError(
            f'OTEL_TRACES_EXPORTER is "{name}"', hint="otlp, console and none are known"
        )
    for variable in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = os.environ.get(variable, "").strip() or _PROTOCOL
        if protocol != _PROTOCOL:
            raise ConfigError(f'{variable} is "{protocol}"', hint=f"only {_PROTOCOL} is spoken")
    return OTLPSpanExporter()
