"""A writer of its own process: `python writer.py HOME TIMES [BYTES]`.

Records TIMES refusals in the journal below HOME; each refused command has BYTES characters.
TIMES 0 means for ever. Prints one line for each request that was kept.
"""

from __future__ import annotations

import itertools
import sys
from datetime import UTC, datetime

from cli_tuner.journal import Journal
from cli_tuner.records import (
    Boundary,
    Caller,
    Latency,
    PerformanceRecord,
    ProvenanceRecord,
    RefusalCode,
    Safety,
    ValidationErrorRecord,
    new_request_id,
    sha256_of,
)
from cli_tuner.settings import Paths


def main() -> None:
    home, times = sys.argv[1], int(sys.argv[2])
    size = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    journal = Journal(Paths.of({"CLI_TUNER_HOME": home}))
    for _ in range(times) if times else itertools.count():
        request_id, now = new_request_id(), datetime.now(UTC)
        journal.record(
            ProvenanceRecord(
                request_id=request_id,
                timestamp=now,
                caller=Caller.CLI,
                user_hmac=journal.user_hmac(),
                query_hmac=journal.query_hmac("list files"),
                command="x" * size,
                command_sha256=sha256_of("x" * size),
                level=None,
                refusal=RefusalCode.NOT_A_COMMAND,
                safety=Safety.MODERATE,
                model=None,
                template_sha256=None,
                ruleset_digest=None,
                policy_digest=None,
                code_version="0",
            ),
            PerformanceRecord(
                request_id=request_id,
                timestamp=now,
                latency=Latency(),
                valid=False,
                level=None,
                model="none",
            ),
            ValidationErrorRecord(
                request_id=request_id,
                timestamp=now,
                boundary=Boundary.VALIDATION,
                reason=RefusalCode.NOT_A_COMMAND,
            ),
        )
        print(request_id, flush=True)


if __name__ == "__main__":
    main()
