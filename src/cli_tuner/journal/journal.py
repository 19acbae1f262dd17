"""The journal's front door: record an answer, find it again, prove that nothing was changed.

Five append-only files below the state folder, each a chain of its own:

    monitoring/logs/provenance.jsonl            ProvenanceRecord        one for each request
    monitoring/metrics/performance.jsonl        PerformanceRecord       one for each request
    monitoring/logs/validation_errors.jsonl     ValidationErrorRecord   one for each refusal
    monitoring/feedback.jsonl                   FeedbackRecord          a person's word; a refusal
    monitoring/logs/allowances.jsonl            AllowanceRecord         blocked, and let pass once

The files grow by about 1.2 KB for each request, 100 MB in some 80,000 requests. Nothing rotates
them: appending and reading the newest records stay equally fast, only `verify_all` and a search
by a short id read whole files. To start afresh, move the folder `monitoring` away as a whole;
a journal moved without its `.head` is reported as cut short.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from cli_tuner.errors import JournalError, UsageError
from cli_tuner.journal.chain import append
from cli_tuner.journal.files import failure, open_private, private_folders
from cli_tuner.journal.keys import Key, load_key
from cli_tuner.journal.line import Line, parse_line
from cli_tuner.journal.read import lines_backwards
from cli_tuner.journal.verify import ChainReport, verify
from cli_tuner.records import (
    AllowanceRecord,
    FeedbackRecord,
    PerformanceRecord,
    ProvenanceRecord,
    Record,
    ValidationErrorRecord,
)
from cli_tuner.settings import Paths

Kept = TypeVar(
    "Kept",
    ProvenanceRecord,
    PerformanceRecord,
    ValidationErrorRecord,
    FeedbackRecord,
    AllowanceRecord,
)

FILES: dict[type[Record], str] = {
    ProvenanceRecord: "monitoring/logs/provenance.jsonl",
    PerformanceRecord: "monitoring/metrics/performance.jsonl",
    ValidationErrorRecord: "monitoring/logs/validation_errors.jsonl",
    FeedbackRecord: "monitoring/feedback.jsonl",
    AllowanceRecord: "monitoring/logs/allowances.jsonl",
}
"""Where each kind of record is kept, below the state folder."""

ID_LENGTH = 26
SUFFIX_MIN = 4

_DISORDER = timedelta(hours=1)

_ID_END = re.compile(f"[0-9A-Z]{{{SUFFIX_MIN},{ID_LENGTH}}}")
_LOOKALIKES = str.maketrans("ILO", "110")  # ids have none of the three letters


class Journal:
    """The records of one user. Making one touches no file; threads may share it."""

    def __init__(self, paths: Paths) -> None:
        self._state = paths.state
        self._key: Key | None = None
        self._folders_checked: set[Path] = set()

    def path(self, kind: type[Record]) -> Path:
        """The file that keeps records of this kind."""
        return self._state / FILES[kind]

    def user_hmac(self) -> str:
        """The user's keyed digest. Raises JournalError if the key cannot be used."""
        return self._loaded_key().user_hmac()

    def caller_hmac(self, name: str) -> str:
        """A service's caller's keyed digest. Raises JournalError if the key cannot be used."""
        return self._loaded_key().caller_hmac(name)

    def query_hmac(self, text: str) -> str:
        """A query's keyed digest. Raises JournalError if the key cannot be used."""
        return self._loaded_key().query_hmac(text)

    def record(
        self,
        provenance: ProvenanceRecord,
        performance: PerformanceRecord,
        validation_error: ValidationErrorRecord | None = None,
    ) -> None:
        """Keep what is to be kept of one request; a refusal is also kept as feedback.

        Raises JournalError, naming the file, if a record cannot be written. What was written
        before stays; whether to answer all the same is the caller's decision.
        """
        self._append(provenance)
        self._append(performance)
        if validation_error is not None:
            self._append(validation_error)
            self._append(_as_feedback(validation_error, provenance.user_hmac))

    def feedback(self, record: FeedbackRecord) -> None:
        """Keep what a person said about an answer. Raises JournalError as `record` does."""
        self._append(record)

    def allowance(self, record: AllowanceRecord) -> None:
        """Keep a step of an exception. Raises JournalError as `record` does."""
        self._append(record)

    def find(self, request_id: str | None = None) -> ProvenanceRecord | None:
        """The provenance of the last answer, or of the one whose id is this or ends in it.

        None if there is no such record. Case does not matter. Raises UsageError for fewer than
        4 characters or when several ids end in them, JournalError if the file cannot be read
        or the record was changed.
        """
        if request_id is None:
            return next(self._newest(ProvenanceRecord), None)
        wanted = request_id.strip().upper().translate(_LOOKALIKES)
        if _ID_END.fullmatch(wanted) is None:
            raise UsageError(
                f'"{request_id}" is not an id of an answer',
                hint=f"give its last {SUFFIX_MIN} to {ID_LENGTH} letters and digits",
            )
        return self._by_suffix(wanted)

    def entries(self, kind: type[Kept], limit: int) -> tuple[Kept, ...]:
        """At most `limit` records of one kind, the newest first.

        Raises JournalError if the file cannot be read or one of them was changed.
        """
        newest = self._newest(kind)
        return tuple(record for _, record in zip(range(limit), newest, strict=False))

    def since(self, kind: type[Kept], moment: datetime) -> Iterator[Kept]:
        """The records of one kind from this moment on, the newest first.

        Processes write in the order of their answers, not of their questions, so reading goes on
        for an hour's worth of older records. Raises JournalError as `entries` does.
        """
        for record in self._newest(kind):
            if record.timestamp >= moment:
                yield record
            elif moment - record.timestamp > _DISORDER:
                return

    def verify_all(self) -> tuple[ChainReport, ...]:
        """Every journal checked from its first line. Raises JournalError if one is unreadable."""
        return tuple(verify(self.path(kind)) for kind in FILES)

    def _loaded_key(self) -> Key:
        if self._key is None:
            self._key = load_key(self._state)
        return self._key

    def _append(self, record: Record) -> None:
        path = self.path(type(record))
        if path.parent not in self._folders_checked:
            self._make_folder(path.parent)
        try:
            append(path, record)
        except FileNotFoundError:  # somebody moved the folder away while we run
            self._make_folder(path.parent)
            append(path, record)

    def _make_folder(self, folder: Path) -> None:
        private_folders(self._state, folder)
        self._folders_checked.add(folder)

    def _newest(self, kind: type[Kept]) -> Iterator[Kept]:
        path = self.path(kind)
        for line in _whole_lines_backwards(path):
            yield _restored(line, kind, path)

    def _by_suffix(self, wanted: str) -> ProvenanceRecord | None:
        path = self.path(ProvenanceRecord)
        needle = f'{wanted}","'.encode()
        found: ProvenanceRecord | None = None
        for line in _whole_lines_backwards(path, needle):
            record = _restored(line, ProvenanceRecord, path)
            if not record.request_id.endswith(wanted):
                continue  # the characters stand in another field
            if len(wanted) == ID_LENGTH:
                return record
            if found is not None and found.request_id != record.request_id:
                raise UsageError(f'several answers end in "{wanted}"', hint="give more characters")
            found = found or record
        return found


def _whole_lines_backwards(path: Path, needle: bytes = b"") -> Iterator[Line]:
    """The whole lines that contain `needle`, the newest first; none if there is no file."""
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    except OSError as error:
        raise failure(path, "read", error) from error
    try:
        for text in lines_backwards(descriptor, os.fstat(descriptor).st_size):
            line = parse_line(text) if needle in text else None
            if line is not None:
                yield line
    except OSError as error:
        raise failure(path, "read", error) from error
    finally:
        os.close(descriptor)


def _restored(line: Line, kind: type[Kept], path: Path) -> Kept:
    """The record in a line, if it is the one that was written."""
    if not line.is_intact:
        raise JournalError(f"{path}: a record was changed", hint="see: cli-tuner doctor")
    try:
        return kind.model_validate_json(line.body)
    except ValidationError as error:
        raise JournalError(
            f"{path}: a record is of another version of the program",
            hint="update cli-tuner, or move the folder monitoring away",
        ) from error


def _as_feedback(error: ValidationErrorRecord, user_hmac: str) -> FeedbackRecord:
    """Every refusal is feedback too: the next model learns from it."""
    rule = f" by {error.rule}" if error.rule else ""
    return FeedbackRecord(
        request_id=error.request_id,
        timestamp=error.timestamp,
        user_hmac=user_hmac,
        kind="validation_error",
        comment=f"{error.reason} at {error.boundary}{rule}"[:2000],
    )
