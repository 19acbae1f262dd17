"""The journal, as one caller of the service writes it: recorded, then counted."""

from __future__ import annotations

from cli_tuner.journal import Journal
from cli_tuner.records import PerformanceRecord, ProvenanceRecord, ValidationErrorRecord
from cli_tuner.service.metrics import Metrics
from cli_tuner.service.tracing import Tracing


class Ledger:
    """What boundary 5 writes to. Its user is the holder of a key, not who runs the service."""

    def __init__(self, journal: Journal, metrics: Metrics, tracing: Tracing, caller: str) -> None:
        self._journal = journal
        self._metrics = metrics
        self._tracing = tracing
        self._caller = caller

    def user_hmac(self) -> str:
        """The caller, keyed and hashed. Raises JournalError."""
        return self._journal.caller_hmac(self._caller)

    def query_hmac(self, text: str) -> str:
        """A query, keyed and hashed. Raises JournalError."""
        return self._journal.query_hmac(text)

    def record(
        self,
        provenance: ProvenanceRecord,
        performance: PerformanceRecord,
        validation_error: ValidationErrorRecord | None = None,
    ) -> None:
        """Count and keep. Raises JournalError; it is counted all the same."""
        self._metrics.crossed(provenance, performance, validation_error)
        self._tracing.crossed(provenance, performance, validation_error)
        self._journal.record(provenance, performance, validation_error)
