"""Request identifiers: ULIDs, sortable by time and safe to say aloud.

Source of the format: https://github.com/ulid/spec (48 bits of milliseconds, 80 of randomness,
Crockford's base 32). People see the last six characters; `generate --report-issue` takes them.
"""

from __future__ import annotations

import os
import time

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

ID_PATTERN = rf"^[{_CROCKFORD}]{{26}}$"
SHORT_LENGTH = 6


def new_request_id() -> str:
    """A fresh identifier of 26 characters."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def short_id(request_id: str) -> str:
    """The part of an identifier that people see and type."""
    return request_id[-SHORT_LENGTH:]
