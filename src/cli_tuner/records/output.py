"""What a model returned. Untrusted: nothing in here has been looked at yet."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from cli_tuner.records.base import Record
from cli_tuner.records.plain import Sha256
from cli_tuner.records.request import RequestId

Count = Annotated[int, Field(ge=0)]
Milliseconds = Annotated[float, Field(ge=0)]

OUTPUT_MAX = 65_536


class Finish(StrEnum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"


class ModelIdentity(Record):
    """Which weights, through which engine. Digests are None where a remote cannot be asked."""

    name: str
    sha256: Sha256 | None = None
    adapter: str | None = None
    adapter_sha256: Sha256 | None = None
    backend: str
    engine: str


class RawModelOutput(Record):
    """One completion, as it came.

    `mean_logprob` is the mean natural-log probability of the generated tokens (at most 0);
    `prompt_ms` and `decode_ms` are the engine's own clock.
    """

    request_id: RequestId
    text: Annotated[str, StringConstraints(max_length=OUTPUT_MAX)]
    finish: Finish
    prompt_tokens: Count = 0
    cached_tokens: Count = 0
    completion_tokens: Count = 0
    mean_logprob: Annotated[float, Field(le=0)] | None = None
    prompt_ms: Milliseconds = 0.0
    decode_ms: Milliseconds = 0.0
    model: ModelIdentity
