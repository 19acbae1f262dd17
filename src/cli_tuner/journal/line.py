"""One line of a journal: the record's canonical JSON, then the hash before it and its own.

    {"caller":"cli", ... ,"timestamp":"...Z","prev":"<64 hex>","hash":"<64 hex>"}

`hash` is the SHA-256 of `prev` (its 64 characters) followed by the canonical JSON of the record
without the two. Canonical: keys sorted, no white space, ASCII only. ASCII also means that a
journal on a terminal is inert: no control byte and no direction override reaches the screen.

The hash covers bytes, not meaning, so a line that was parsed and written again in another
spelling counts as edited.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from cli_tuner.records import Record

GENESIS = "0" * 64
"""What stands before the first line."""

LINE_MAX = 4 * 1024 * 1024
"""Longest line in bytes. The longest output that a model may give stays far below it."""

_SEAL_LENGTH = len(f',"prev":"{GENESIS}","hash":"{GENESIS}"}}')
_SEAL = re.compile(rb',"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}')


@dataclass(frozen=True, slots=True)
class Line:
    """One whole line, taken apart. Nothing is verified until `is_intact` is asked."""

    body: bytes
    prev: str
    hash: str

    @property
    def is_intact(self) -> bool:
        """Whether the stated hash is that of the content."""
        return _digest(self.prev, self.body) == self.hash


def _digest(prev: str, body: bytes) -> str:
    return hashlib.sha256(prev.encode("ascii") + body).hexdigest()


def canonical(record: Record) -> bytes:
    """The record's canonical JSON, as the hash sees it."""
    fields = record.model_dump(mode="json")
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def sealed(record: Record, prev: str) -> tuple[bytes, str]:
    """The line for a record that follows the line with hash `prev`, and the line's own hash.

    The line ends with a newline.
    """
    body = canonical(record)
    own = _digest(prev, body)
    return body[:-1] + f',"prev":"{prev}","hash":"{own}"}}\n'.encode(), own


def parse_line(line: bytes) -> Line | None:
    """A line without its newline, taken apart; None if it is not a whole one.

    A line that was cut anywhere is never mistaken for a whole one: quotes inside a record are
    escaped, so the seal's bytes occur at the end of a complete line and nowhere else.
    """
    seal = _SEAL.fullmatch(line[-_SEAL_LENGTH:])
    if seal is None or not line.startswith(b"{"):
        return None
    body = line[:-_SEAL_LENGTH] + b"}"
    return Line(body=body, prev=seal[1].decode(), hash=seal[2].decode())
