"""Errors as RFC 9457 documents: `application/problem+json`, one sentence, never a traceback."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cli_tuner.errors import (
    BackendError,
    BackendTimeout,
    BackendUnreachable,
    Cancelled,
    CliTunerError,
    ConfigError,
    JournalError,
    NotSetUp,
    PolicyError,
    UsageError,
)

MEDIA_TYPE = "application/problem+json"
CLIENT_CLOSED = 499
"""What nginx writes for a caller who left; nobody reads it."""

_TITLES = {
    400: "Bad request",
    401: "No valid key",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    413: "Too large",
    415: "Wrong kind of body",
    421: "Wrong host",
    422: "Not valid",
    429: "Too many requests",
    499: "Caller left",
    500: "Internal error",
    502: "Engine failed",
    503: "Not ready",
    504: "Timed out",
}
_STATUS: tuple[tuple[type[CliTunerError], int, str], ...] = (
    (Cancelled, CLIENT_CLOSED, "the caller left"),
    (BackendTimeout, 504, "the engine did not answer in time"),
    (BackendUnreachable, 503, "the engine cannot be reached"),
    (BackendError, 502, "the engine failed"),
    (NotSetUp, 503, "a part of the service is missing"),
    (PolicyError, 503, "the policy in force is not valid, so nothing is judged"),
    (JournalError, 503, "the journal cannot be used"),
    (ConfigError, 503, "the service is not configured as it should be"),
)
_DETAILS_MAX = 8
_WHERE_MAX = 80


class Problem(HTTPException):
    """A request that is not answered as asked. `code` is stable; `facts` are further members."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str,
        retry_after_s: int | None = None,
        **facts: Any,
    ) -> None:
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="cli-tuner"'
        super().__init__(status, detail, headers)
        self.code = code
        self.facts = facts


def problem_response(problem: Problem) -> Response:
    """The document. `type` says which kind; `status` repeats the status line."""
    document = {
        "type": f"urn:cli-tuner:problem:{problem.code}",
        "title": title_of(problem),
        "status": problem.status_code,
        "detail": problem.detail,
        "code": problem.code,
        **problem.facts,
    }
    return Response(
        json.dumps(document), problem.status_code, dict(problem.headers or {}), MEDIA_TYPE
    )


def problem_of(error: Exception) -> Problem:
    """What a caller is told about an error.

    Of what failed on this side it hears one fixed sentence: paths and reasons are for the log.
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        code = _TITLES.get(error.status_code, "error").lower().replace(" ", "_")
        problem = Problem(error.status_code, str(error.detail), code=code)
        problem.headers = error.headers
        return problem
    if isinstance(error, UsageError) and not isinstance(error, ConfigError):
        return Problem(422, str(error), code="bad_request")
    for kind, status, sentence in _STATUS:
        if isinstance(error, kind):
            retry_after_s = 5 if status == 503 else None
            code = kind.__name__[0].lower() + kind.__name__[1:]
            return Problem(status, sentence, code=_snake(code), retry_after_s=retry_after_s)
    return Problem(500, "something went wrong on this side", code="internal")


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def _invalid(error: RequestValidationError) -> Problem:
    """Where and what, without quoting what was sent: it may be a query or a secret."""
    found = error.errors()
    unreadable = any(one["type"] == "json_invalid" for one in found)
    details = [
        {
            "where": ".".join(str(part) for part in one["loc"])[:_WHERE_MAX],
            "what": str(one["msg"]).removeprefix("Value error, ")[:200],
        }
        for one in found[:_DETAILS_MAX]
    ]
    if unreadable:
        return Problem(400, "the body is not JSON", code="not_json")
    first = details[0] if details else {"where": "body", "what": "not valid"}
    return Problem(422, f"{first['where']}: {first['what']}", code="not_valid", errors=details)


def title_of(problem: Problem) -> str:
    """What kind of problem it is, in words."""
    return _TITLES.get(problem.status_code, "Error")


async def on_error(_: Request, error: Exception) -> Response:
    """The handler for every exception that a route lets out."""
    problem = problem_of(error)
    if problem.status_code >= 500:
        log_error(error)
    return problem_response(problem)


def log_error(error: BaseException) -> None:
    """One line on stderr for whoever runs the service; never what was asked.

    Sentences of our own errors name files and addresses; those of others may quote a query, so
    of them there is the kind and the place.
    """
    if isinstance(error, CliTunerError) and type(error) is not BackendError:
        said = str(error)
    else:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        code = trace.tb_frame.f_code if trace is not None else None
        said = f"in {code.co_name} ({code.co_filename}:{trace.tb_lineno})" if code and trace else ""
    with suppress(OSError, ValueError):  # nobody reads the log any more
        sys.stderr.write(f"cli-tuner serve: {type(error).__name__} {said}\n")
        sys.stderr.flush()
