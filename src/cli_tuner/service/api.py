"""`/v1`: generate, check, explain, feedback."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cli_tuner.service.access import Visitor
from cli_tuner.service.documents import explained, generated, json_response, judged, kept
from cli_tuner.service.problem import MEDIA_TYPE, Problem
from cli_tuner.service.schemas import (
    CheckAnswer,
    CheckRequest,
    ExplainAnswer,
    FeedbackAnswer,
    FeedbackRequest,
    GenerateAnswer,
    GenerateRequest,
)
from cli_tuner.service.service import Left, Service

_PROBLEMS = {
    400: "Not JSON.",
    401: "No valid key.",
    403: "The key lacks the scope, or a page of another site asked.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    421: "Without keys, only loopback names are answered.",
    422: "Not valid.",
    429: "Too many requests, or too much to do; see Retry-After.",
    500: "A defect of the service.",
    502: "The engine failed.",
    503: "The engine, the journal or the policy is not ready; see Retry-After.",
    504: "No answer in time.",
}


def problems(*more: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of the errors of a route; `more` beyond those that every route has."""
    statuses = sorted({400, 401, 403, 408, 413, 415, 421, 422, 429, 500, 503, *more})
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {
        status: {
            "description": _PROBLEMS.get(status, "Not found."),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def visitor_in(request: Request) -> Visitor:
    """Who asks, as the envelope found out."""
    visitor: Visitor = request.scope["state"]["visitor"]
    return visitor


def leaving(request: Request) -> Left:
    """Returns when the caller is gone. The body must have been read."""

    async def left() -> None:
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                return

    return left


def api_router(service: Service) -> APIRouter:
    """The routes below `/v1`, for this service."""
    router = APIRouter(prefix="/v1", default_response_class=Response)

    @router.post(
        "/generate",
        response_model=None,
        summary="One bash command for a sentence",
        responses={200: {"model": GenerateAnswer}, **problems(502, 504)},
    )
    async def generate(body: GenerateRequest, request: Request) -> Response:
        response = await service.generate(
            body.query,
            visitor_in(request),
            leaving(request),
            safety=body.safety,
            candidates=body.candidates,
        )
        return json_response(generated(response))

    @router.post(
        "/check",
        response_model=None,
        summary="A verdict on a command, without running it",
        responses={200: {"model": CheckAnswer}, **problems()},
    )
    async def check(body: CheckRequest) -> Response:
        _refuse_blank(body.command)
        return json_response(judged(await service.judge(body.command, body.safety)))

    @router.post(
        "/explain",
        response_model=None,
        summary="A verdict, with the command taken apart",
        responses={200: {"model": ExplainAnswer}, **problems()},
    )
    async def explain(body: CheckRequest) -> Response:
        _refuse_blank(body.command)
        verdict = await service.judge(body.command, body.safety)
        return json_response(explained(body.command, verdict))

    @router.post(
        "/feedback",
        response_model=None,
        status_code=201,
        summary="Say what was wrong with an answer",
        responses={201: {"model": FeedbackAnswer}, **problems(404)},
    )
    async def feedback(body: FeedbackRequest, request: Request) -> Response:
        record = await service.report(
            visitor_in(request), body.request_id, body.kind, body.comment, body.correction
        )
        return json_response(kept(record), 201)

    return router


def _refuse_blank(command: str) -> None:
    if not command.strip():
        raise Problem(422, "the command is empty; give one to judge", code="bad_request")
