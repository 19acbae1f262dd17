"""Boundary 2 of 6. In: CommandRequest. Out: NormalizedRequest, or Refused.

Unicode NFC and single spaces; case stays as it is, since `README`, `-R` and paths are
case-sensitive. Then the one prompt template. A token that normalizing would complete is refused
here, after the last change to the text.
"""

from __future__ import annotations

import unicodedata

from cli_tuner.boundaries.trace import Trace
from cli_tuner.prompt import TEMPLATE_SHA256, template_token_in, to_prompt
from cli_tuner.records import (
    QUERY_MAX,
    QUERY_MIN,
    CommandRequest,
    NormalizedRequest,
    RefusalCode,
    sha256_of,
)


def normalize(request: CommandRequest, trace: Trace) -> NormalizedRequest:
    """The canonical query and its prompt."""
    query = " ".join(unicodedata.normalize("NFC", request.query).split())
    if not QUERY_MIN <= len(query) <= QUERY_MAX:
        raise trace.refused(
            RefusalCode.BAD_REQUEST,
            f"the query has {len(query)} characters after normalization;"
            f" say it in {QUERY_MIN} to {QUERY_MAX}",
        )
    if template_token_in(query) is not None:
        raise trace.refused(
            RefusalCode.TEMPLATE_TOKEN, "the query becomes a chat-template token when normalized"
        )
    prompt = to_prompt(query)
    normalized = NormalizedRequest(
        request_id=request.request_id,
        query=query,
        prompt=prompt,
        prompt_sha256=sha256_of(prompt),
        template_sha256=TEMPLATE_SHA256,
        candidates=request.candidates,
        signals=trace.signals,
    )
    trace.normalized = normalized
    return normalized
