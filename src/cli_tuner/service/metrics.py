"""Prometheus metrics: what the journal was given, and how the service itself fares.

Names carry their units, as Prometheus asks. Labels are closed sets (routes, levels, rule ids), so
that no caller can grow them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from cli_tuner import __version__
from cli_tuner.records import (
    Level,
    PerformanceRecord,
    ProvenanceRecord,
    ValidationErrorRecord,
    Verdict,
    confidence_of,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_RATIOS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_KINDS = ("wrong", "unsafe", "blocked_wrongly", "other")
_BOUNDARIES = ("ingress", "normalize", "inference", "validation", "egress")


class Metrics:
    """One service's numbers. Threads may share it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.http_requests = self._counter(
            "http_requests", "Requests answered.", "route", "method", "status"
        )
        self.http_seconds = self._histogram(
            "http_request_duration_seconds", "From the request's head to the answer.", "route"
        )
        self.boundary_seconds = self._histogram(
            "boundary_duration_seconds", "Time spent in one boundary.", "boundary"
        )
        self.engine_seconds = self._histogram(
            "engine_duration_seconds", "The engine's own clock.", "phase"
        )
        self.answers = self._counter(
            "answers", "Crossings that reached an answer, by its end.", "outcome"
        )
        self.refusals = self._counter(
            "refusals", "Crossings that were refused.", "boundary", "reason"
        )
        self.risk = self._counter("verdicts", "Verdicts by level.", "level", "source")
        self.rules = self._counter("rules_fired", "Rules that matched.", "rule", "source")
        self.confidence = Histogram(
            "cli_tuner_confidence_ratio",
            "Geometric mean of an answer's token probabilities.",
            registry=self.registry,
            buckets=_RATIOS,
        )
        self.tokens = self._counter("tokens", "Tokens of the engine.", "kind")
        self.feedback = self._counter("feedback", "What people reported.", "kind")
        self.turned_away = self._counter("turned_away", "Requests refused unworked.", "why")
        self.cancelled = self._counter("cancelled", "Requests whose caller left.")
        self.engine_restarts = self._counter("engine_restarts", "Engines that were replaced.")
        self.endpoint_up = Gauge(
            "cli_tuner_endpoint_up",
            "Whether an engine endpoint answers.",
            ["endpoint"],
            registry=self.registry,
        )
        self.build = Gauge(
            "cli_tuner_build_info",
            "Always 1; the labels say what runs.",
            ["version", "ruleset_digest"],
            registry=self.registry,
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Show what has not happened yet: Prometheus sees no increase in a series' first value."""
        for kind in _KINDS:
            self.feedback.labels(kind)
        for outcome in ("command", "refused"):
            self.answers.labels(outcome)
        for why in ("busy", "rate_limited"):
            self.turned_away.labels(why)
        for level, source in product(Level, ("generate", "check")):
            self.risk.labels(level.value, source)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"cli_tuner_{name}", what, labels, registry=self.registry)

    def _histogram(self, name: str, what: str, label: str) -> Histogram:
        return Histogram(
            f"cli_tuner_{name}", what, [label], registry=self.registry, buckets=_SECONDS
        )

    def gauge(self, name: str, what: str, read: Callable[[], float]) -> None:
        """A number that is read when it is asked for."""
        Gauge(f"cli_tuner_{name}", what, registry=self.registry).set_function(read)

    def runs(self, ruleset_digest: str) -> None:
        """Say what runs."""
        self.build.labels(__version__, ruleset_digest).set(1)

    def crossed(
        self,
        provenance: ProvenanceRecord,
        performance: PerformanceRecord,
        error: ValidationErrorRecord | None,
    ) -> None:
        """Count one crossing from the records that the journal keeps of it."""
        latency = performance.latency
        for boundary in _BOUNDARIES:
            spent_ms = getattr(latency, f"{boundary}_ms")
            if spent_ms > 0:
                self.boundary_seconds.labels(boundary).observe(spent_ms / 1000)
        if performance.completion_tokens:
            self.engine_seconds.labels("prompt").observe(latency.engine_prompt_ms / 1000)
            self.engine_seconds.labels("decode").observe(latency.engine_decode_ms / 1000)
        self.tokens.labels("prompt").inc(performance.prompt_tokens)
        self.tokens.labels("cached").inc(performance.cached_tokens)
        self.tokens.labels("completion").inc(performance.completion_tokens)
        self.answers.labels("command" if performance.valid else "refused").inc()
        if error is not None:
            self.refusals.labels(error.boundary, error.reason.value).inc()
        confidence = confidence_of(performance.mean_logprob)
        if confidence is not None:
            self.confidence.observe(confidence)
        if provenance.level is not None:
            self.risk.labels(provenance.level.value, "generate").inc()
            for rule in set(provenance.rule_ids):
                self.rules.labels(rule, "generate").inc()

    def judged(self, verdict: Verdict) -> None:
        """Count one verdict that was asked for by itself."""
        self.risk.labels(verdict.level.value, "check").inc()
        for rule in {reason.rule_id for reason in verdict.reasons}:
            self.rules.labels(rule, "check").inc()

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)
