"""What flows between the rooms: frozen records, no I/O, no opinion.

The names are resolved on first use: the guard needs four of the models, and building all of them
would cost a cold `check` 15 ms.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cli_tuner.records.allowance import AllowanceRecord
    from cli_tuner.records.base import Record
    from cli_tuner.records.command import (
        COMMAND_MAX,
        COMMAND_MIN,
        Boundary,
        Refusal,
        RefusalCode,
        ValidatedCommand,
    )
    from cli_tuner.records.ids import new_request_id, short_id
    from cli_tuner.records.output import Finish, ModelIdentity, RawModelOutput
    from cli_tuner.records.plain import Plain, Sha256, sha256_of
    from cli_tuner.records.request import (
        QUERY_MAX,
        QUERY_MIN,
        Caller,
        CommandRequest,
        NormalizedRequest,
    )
    from cli_tuner.records.response import (
        Alternative,
        CommandResponse,
        FeedbackRecord,
        Latency,
        PerformanceRecord,
        ProvenanceRecord,
        ValidationErrorRecord,
        confidence_of,
    )
    from cli_tuner.records.verdict import (
        Certainty,
        Effect,
        EffectKind,
        Level,
        Reason,
        Safety,
        Span,
        Verdict,
    )

_HOME = {
    "AllowanceRecord": "allowance",
    "Alternative": "response",
    "Boundary": "command",
    "COMMAND_MAX": "command",
    "COMMAND_MIN": "command",
    "Caller": "request",
    "Certainty": "verdict",
    "CommandRequest": "request",
    "CommandResponse": "response",
    "Effect": "verdict",
    "EffectKind": "verdict",
    "FeedbackRecord": "response",
    "Finish": "output",
    "Latency": "response",
    "Level": "verdict",
    "ModelIdentity": "output",
    "NormalizedRequest": "request",
    "PerformanceRecord": "response",
    "Plain": "plain",
    "ProvenanceRecord": "response",
    "QUERY_MAX": "request",
    "QUERY_MIN": "request",
    "RawModelOutput": "output",
    "Reason": "verdict",
    "Record": "base",
    "Refusal": "command",
    "RefusalCode": "command",
    "Safety": "verdict",
    "Sha256": "plain",
    "Span": "verdict",
    "ValidatedCommand": "command",
    "ValidationErrorRecord": "response",
    "Verdict": "verdict",
    "confidence_of": "response",
    "new_request_id": "ids",
    "sha256_of": "plain",
    "short_id": "ids",
}

__all__ = [
    "COMMAND_MAX",
    "COMMAND_MIN",
    "QUERY_MAX",
    "QUERY_MIN",
    "AllowanceRecord",
    "Alternative",
    "Boundary",
    "Caller",
    "Certainty",
    "CommandRequest",
    "CommandResponse",
    "Effect",
    "EffectKind",
    "FeedbackRecord",
    "Finish",
    "Latency",
    "Level",
    "ModelIdentity",
    "NormalizedRequest",
    "PerformanceRecord",
    "Plain",
    "ProvenanceRecord",
    "RawModelOutput",
    "Reason",
    "Record",
    "Refusal",
    "RefusalCode",
    "Safety",
    "Sha256",
    "Span",
    "ValidatedCommand",
    "ValidationErrorRecord",
    "Verdict",
    "confidence_of",
    "new_request_id",
    "sha256_of",
    "short_id",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'cli_tuner.records' has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"cli_tuner.records.{_HOME[name]}"), name)
    globals()[name] = found
    return found
