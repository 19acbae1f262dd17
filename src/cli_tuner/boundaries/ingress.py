"""Boundary 1 of 6. In: a text from anybody. Out: CommandRequest, or Refused.

Covers: length, control characters, direction overrides, texts that say nothing (all of them in
the record itself), chat-template tokens and what looks like them, requests too fast, and
sentences that address the model instead of the task (`injection`): reported, refused at `strict`.
"""

from __future__ import annotations

from pydantic import ValidationError

from cli_tuner.boundaries.injection import signals_in
from cli_tuner.boundaries.parts import Parts
from cli_tuner.boundaries.trace import Trace
from cli_tuner.prompt import template_token_in
from cli_tuner.records import CommandRequest, RefusalCode, Safety


def admit(trace: Trace, parts: Parts) -> CommandRequest:
    """The request, if it may be worked on."""
    options = trace.options
    wait_s = parts.limiter.wait_s(options.rate_key)
    if wait_s > 0:
        raise trace.refused(
            RefusalCode.RATE_LIMITED,
            "too many requests",
            hint=f"try again in {wait_s:.0f} s" if wait_s >= 1 else "try again in a second",
        )
    try:
        request = CommandRequest(
            request_id=trace.request_id,
            query=trace.query,
            candidates=options.candidates,
            safety=options.safety,
            model=options.model,
            caller=options.caller,
            retain_query=options.retain_query,
            received_at=trace.received_at,
        )
    except ValidationError as error:
        raise trace.refused(RefusalCode.BAD_REQUEST, _sentence(error)) from None
    token = template_token_in(request.query)
    if token is not None:
        raise trace.refused(
            RefusalCode.TEMPLATE_TOKEN,
            f"the query has the chat-template token {token}",
            hint="describe it in words",
        )
    trace.signals = signals_in(request.query)
    if trace.signals and request.safety is Safety.STRICT:
        raise trace.refused(
            RefusalCode.INJECTION,
            f"the query addresses the model, not the task ({', '.join(trace.signals)})",
            hint="say what the command should do",
        )
    return request


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong, in our words where we have them."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "value_error":
        return str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "string_unicode":
        return "the query is not valid Unicode text"
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}"
