"""What flows between the rooms: frozen records, no I/O, no opinion."""

from cli_tuner.records.base import Record, Sha256, sha256_of
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

__all__ = [
    "COMMAND_MAX",
    "COMMAND_MIN",
    "QUERY_MAX",
    "QUERY_MIN",
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
