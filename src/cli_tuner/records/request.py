"""What comes in: the request as received, and the request as the model will see it.

`CommandRequest` is boundary 1's proof that a text is worth processing, `NormalizedRequest`
boundary 2's that the prompt was built by the one template from exactly that query.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from cli_tuner.records.base import Record, UtcMoment
from cli_tuner.records.ids import ID_PATTERN
from cli_tuner.records.plain import Sha256, sha256_of
from cli_tuner.records.verdict import Safety

QUERY_MIN = 3
QUERY_MAX = 500

RequestId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]

_ALLOWED_CONTROLS = "\t\n\r"
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Caller(StrEnum):
    """Through which door the request came."""

    CLI = "cli"
    API = "api"
    HTTP = "http"
    HOOK = "hook"


class CommandRequest(Record):
    """A request in English that may be worked on.

    `query` has 3 to 500 characters, says something (a letter or a digit), and carries no
    control characters, no direction overrides and no surrogates. `candidates` is how many
    different commands are wanted, 1 to 8. `received_at` is in UTC.
    """

    request_id: RequestId
    query: str
    candidates: Annotated[int, Field(ge=1, le=8)] = 1
    safety: Safety = Safety.MODERATE
    model: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    caller: Caller = Caller.API
    retain_query: bool = False
    received_at: UtcMoment

    @field_validator("query")
    @classmethod
    def _query_is_text(cls, query: str) -> str:
        length = len(query.strip())
        if length < QUERY_MIN:
            raise ValueError(f"the query has {length} characters; say it in at least {QUERY_MIN}")
        if length > QUERY_MAX:
            raise ValueError(f"the query has {length} characters; say it in at most {QUERY_MAX}")
        for char in query:
            if char in _BIDI_CONTROLS:
                raise ValueError(
                    f"the query has a text-direction override (U+{ord(char):04X}); remove it"
                )
            if unicodedata.category(char) == "Cc" and char not in _ALLOWED_CONTROLS:
                raise ValueError(
                    f"the query has a control character (U+{ord(char):04X}); remove it"
                )
        if not any(char.isalnum() for char in query):
            raise ValueError("the query has no letter or digit; say what the command should do")
        return query


class NormalizedRequest(Record):
    """The query in its canonical form and the prompt made from it.

    `query` is NFC with single spaces; its case is untouched, since `README` and `-R` mean
    something. `template_sha256` names the template, `signals` what looked like an attempt to
    steer the model.
    """

    request_id: RequestId
    query: Annotated[str, StringConstraints(min_length=QUERY_MIN, max_length=QUERY_MAX)]
    prompt: str
    prompt_sha256: Sha256
    template_sha256: Sha256
    candidates: Annotated[int, Field(ge=1, le=8)] = 1
    signals: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if unicodedata.normalize("NFC", self.query) != self.query:
            raise ValueError("query is not in NFC")
        if " ".join(self.query.split()) != self.query:
            raise ValueError("query has surplus white space")
        if self.query not in self.prompt:
            raise ValueError("prompt was not made from this query")
        if sha256_of(self.prompt) != self.prompt_sha256:
            raise ValueError("prompt_sha256 is not that of the prompt")
        return self
