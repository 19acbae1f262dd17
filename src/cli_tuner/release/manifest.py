"""A release's manifest: digests of everything that an answer depends on.

    <release>/manifest.json              this record in canonical JSON, what is signed
    <release>/manifest.sig               the signature (`signing.py`)
    <release>/bom.json                   bill of materials (`bom.py`)
    <release>/evaluation/results.json    the evaluation that this release was judged by
    <release>/<name>-<version>.gguf      the weights; a second file if there is an adapter

`files` has the digest of every file but the first two. A folder that holds a file of another
content, or one more, or one less, is not this release.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from cli_tuner.errors import ReleaseError, SignatureError
from cli_tuner.records import Record, Safety
from cli_tuner.records.base import UtcMoment
from cli_tuner.records.plain import Sha256

MANIFEST, SIGNATURE, BOM = "manifest.json", "manifest.sig", "bom.json"
EVALUATION = "evaluation/results.json"
_MANIFEST_MAX = 1_000_000
_NUMBER = r"(0|[1-9]\d{0,8})"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")

Version = Annotated[str, Field(pattern=rf"^{_VERSION.pattern}$", max_length=64)]
"""A semantic version (semver.org 2.0.0) without build metadata."""
Share = Annotated[float, Field(ge=0, le=1)]


class Weights(Record):
    """One file of weights in the release's folder. `source` says which model it is."""

    file: str
    sha256: Sha256
    size_bytes: Annotated[int, Field(gt=0)]
    source: str
    licence: str


class Model(Record):
    """The weights that answer: a whole model, or a base with an adapter."""

    name: str
    base: Weights
    adapter: Weights | None = None


class Evaluation(Record):
    """The report, and which of its failed gates whoever signs this accepts."""

    file: Literal["evaluation/results.json"] = "evaluation/results.json"
    sha256: Sha256
    accepted: tuple[str, ...] = ()


class Bounds(Record):
    """What a release must keep, before it is promoted and in the time after."""

    smoke_valid_min: Share = 0.75
    """Share of smoke queries that must end with a command."""
    latency_p95_ms: Annotated[float, Field(gt=0)] = 5_000.0
    """95th percentile of a whole answer's time, in milliseconds, model loaded."""
    watch_minutes: Annotated[float, Field(gt=0)] = 30.0
    """How long after a switch the journal is watched."""
    watch_requests_min: Annotated[int, Field(gt=0)] = 50
    """Fewer requests say nothing."""
    watch_error_rate_max: Share = 0.25
    """Share of requests without a command, dangerous ones not counted."""
    watch_dangerous_rate_max: Share = 0.10
    """Share of requests whose command was judged dangerous."""


class Code(Record):
    """The program that built the release. `commit` is None outside a checkout."""

    version: str
    commit: str | None = None
    changed: bool = False


class Manifest(Record):
    """Everything that an answer of this release depends on."""

    schema_version: Literal["1"] = "1"
    version: Version
    policy_version: Version
    created_at: UtcMoment
    model: Model
    template_sha256: Sha256
    ruleset_sha256: Sha256
    policy_sha256: Sha256
    safety: Safety
    evaluation: Evaluation
    bounds: Bounds
    code: Code
    files: dict[str, Sha256]

    def reference(self, folder: Path) -> str:
        """The weights in this folder as `--model` takes them."""
        base = str(folder / self.model.base.file)
        adapter = self.model.adapter
        return base if adapter is None else f"{base}+{folder / adapter.file}"


def canonical(document: Any) -> bytes:
    """Canonical JSON: keys sorted, no white space, ASCII, one line."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii") + b"\n"


def as_bytes(manifest: Manifest) -> bytes:
    """What is written and signed."""
    return canonical(manifest.model_dump(mode="json"))


def read_bytes(folder: Path, name: str = MANIFEST) -> bytes:
    """A small file of a release. Raises ReleaseError if it is not there or too long."""
    try:
        with (folder / name).open("rb") as file:
            raw = file.read(_MANIFEST_MAX + 1)
    except FileNotFoundError:
        raise ReleaseError(
            f"{folder} holds no release: no {name}", hint="see: cli-tuner release status"
        ) from None
    except OSError as error:
        raise ReleaseError(f"{folder / name} cannot be read: {error.strerror}") from error
    if len(raw) > _MANIFEST_MAX:
        raise SignatureError(f"{folder / name} is longer than {_MANIFEST_MAX:,} bytes")
    return raw


def parse(raw: bytes, where: Path) -> Manifest:
    """The manifest in these bytes. Raises SignatureError if they are not exactly one."""
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "its JSON"
        raise SignatureError(f"{where / MANIFEST} is not valid: {place}: {first['msg']}") from error
    if as_bytes(manifest) != raw:
        raise SignatureError(f"{where / MANIFEST} is not in canonical form")
    for name in manifest.files:
        if not all(_PART.fullmatch(part) for part in name.split("/")):
            raise SignatureError(f"{where / MANIFEST} names a file outside the release")
    return manifest


def digest_of(raw: bytes) -> str:
    """The SHA-256 of a manifest's bytes: the release's identity."""
    return hashlib.sha256(raw).hexdigest()


def check_version(text: str, what: str) -> str:
    """The text, if it is a semantic version. Raises ReleaseError."""
    if not _VERSION.fullmatch(text) or len(text) > 64:
        raise ReleaseError(f'"{text}" is not a {what}', hint="give MAJOR.MINOR.PATCH, as in 1.2.0")
    return text
