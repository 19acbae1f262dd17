"""Boundary 5 of 6. In: ValidatedCommands or a Refusal. Out: CommandResponse, and the audit trail.

Every crossing that reached an answer is recorded, refusals too. A journal that cannot be written
does not cost the user the answer: the response says so. The response validates the proof once
more, so that a command changed on the way is not shown.
"""

from __future__ import annotations

import time

from cli_tuner.boundaries.parts import Parts
from cli_tuner.boundaries.trace import Trace
from cli_tuner.errors import CliTunerError
from cli_tuner.records import (
    Alternative,
    Boundary,
    CommandResponse,
    PerformanceRecord,
    ProvenanceRecord,
    Refusal,
    ValidatedCommand,
    ValidationErrorRecord,
    confidence_of,
    sha256_of,
)

_UNKNOWN_HMAC = "0" * 64
"""Stands for a digest that could not be made, because the key could not be."""


def respond(
    outcome: tuple[ValidatedCommand, ...] | Refusal, trace: Trace, parts: Parts
) -> CommandResponse:
    """The answer, recorded."""
    with trace.span(Boundary.EGRESS):
        return _recorded(outcome, trace, parts)


def _recorded(
    outcome: tuple[ValidatedCommand, ...] | Refusal, trace: Trace, parts: Parts
) -> CommandResponse:
    trace.at = Boundary.EGRESS
    began = time.perf_counter()
    notices: list[str] = []
    user_hmac = query_hmac = _UNKNOWN_HMAC
    try:
        user_hmac = parts.journal.user_hmac()
        query_hmac = parts.journal.query_hmac(_encodable(trace.query))
    except CliTunerError as error:
        notices.append(f"not recorded: {error}")
    provenance = _provenance(outcome, trace, parts, user_hmac, query_hmac)
    trace.times_ms[Boundary.EGRESS] = (time.perf_counter() - began) * 1000
    if not notices:
        try:
            parts.journal.record(
                provenance, _performance(outcome, trace), _validation_error(outcome, trace)
            )
        except CliTunerError as error:
            notices.append(f"not recorded: {error}")
    notices += trace.notices
    if trace.signals:
        notices.append(f"the query addresses the model ({', '.join(trace.signals)})")
    trace.times_ms[Boundary.EGRESS] = (time.perf_counter() - began) * 1000
    return _response(outcome, trace, provenance, tuple(notices))


def _response(
    outcome: tuple[ValidatedCommand, ...] | Refusal,
    trace: Trace,
    provenance: ProvenanceRecord,
    notices: tuple[str, ...],
) -> CommandResponse:
    refusal = outcome if isinstance(outcome, Refusal) else None
    commands = () if isinstance(outcome, Refusal) else outcome
    best = commands[0] if commands else None
    verdict = best.verdict if best else (refusal.verdict if refusal else None)
    return CommandResponse(
        request_id=trace.request_id,
        command=best.command if best else None,
        risk_level=verdict.level if verdict else None,
        verdict=verdict,
        alternatives=tuple(
            Alternative(command=other.command, verdict=other.verdict) for other in commands[1:]
        ),
        refusal=refusal,
        confidence=confidence_of(best.mean_logprob) if best else None,
        safety=trace.options.safety,
        signals=trace.signals,
        notices=notices,
        latency=trace.latency(),
        provenance=provenance,
    )


def _provenance(
    outcome: tuple[ValidatedCommand, ...] | Refusal,
    trace: Trace,
    parts: Parts,
    user_hmac: str,
    query_hmac: str,
) -> ProvenanceRecord:
    verdict = trace.verdict
    return ProvenanceRecord(
        request_id=trace.request_id,
        timestamp=trace.received_at,
        caller=trace.options.caller,
        user_hmac=user_hmac,
        query_hmac=query_hmac,
        query=_encodable(trace.query) if trace.options.retain_query else None,
        command=trace.judged,
        command_sha256=sha256_of(trace.judged) if trace.judged is not None else None,
        level=verdict.level if verdict else None,
        rule_ids=tuple(reason.rule_id for reason in verdict.reasons) if verdict else (),
        refusal=outcome.code if isinstance(outcome, Refusal) else None,
        signals=trace.signals,
        safety=trace.options.safety,
        model=trace.outputs[0].model if trace.outputs else None,
        template_sha256=trace.normalized.template_sha256 if trace.normalized else None,
        ruleset_digest=verdict.ruleset_digest if verdict else None,
        policy_digest=verdict.policy_digest if verdict else None,
        code_version=parts.code_version,
    )


def _encodable(text: str) -> str:
    """The text with what is not Unicode replaced, since even a bad query may be retained."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _performance(
    outcome: tuple[ValidatedCommand, ...] | Refusal, trace: Trace
) -> PerformanceRecord:
    outputs = trace.outputs
    return PerformanceRecord(
        request_id=trace.request_id,
        timestamp=trace.received_at,
        latency=trace.latency(),
        prompt_tokens=sum(output.prompt_tokens for output in outputs),
        cached_tokens=sum(output.cached_tokens for output in outputs),
        completion_tokens=sum(output.completion_tokens for output in outputs),
        mean_logprob=outputs[0].mean_logprob if outputs else None,
        valid=not isinstance(outcome, Refusal),
        level=trace.verdict.level if trace.verdict else None,
        model=outputs[0].model.name if outputs else trace.options.model,
    )


def _validation_error(
    outcome: tuple[ValidatedCommand, ...] | Refusal, trace: Trace
) -> ValidationErrorRecord | None:
    if not isinstance(outcome, Refusal):
        return None
    reasons = outcome.verdict.reasons if outcome.verdict else ()
    return ValidationErrorRecord(
        request_id=trace.request_id,
        timestamp=trace.received_at,
        boundary=outcome.boundary,
        reason=outcome.code,
        rule=reasons[0].rule_id if reasons else None,
    )
