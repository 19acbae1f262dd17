"""`/v1/chat/completions` and `/v1/models`: what clients of OpenAI's interface expect.

The last message of role user is the sentence; the answer's content is the command alone, its
verdict is beside it in `cli_tuner`. A blocked command is not sent: then `content` is null,
`refusal` says why and `finish_reason` is `content_filter`.
Source of the format: OpenAI's API reference, chat completions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cli_tuner.records import CommandResponse
from cli_tuner.service.api import leaving, problems, visitor_in
from cli_tuner.service.documents import generated, json_response
from cli_tuner.service.problem import Problem
from cli_tuner.service.schemas import ChatRequest
from cli_tuner.service.service import Service

_ANSWER = {
    "description": "A chat completion whose content is one command, or a refusal.",
    "content": {
        "application/json": {"schema": {"type": "object"}},
        "text/event-stream": {"schema": {"type": "string"}},
    },
}


def chat_router(service: Service) -> APIRouter:
    """The two routes, for this service."""
    router = APIRouter(prefix="/v1", default_response_class=Response)

    @router.post(
        "/chat/completions",
        response_model=None,
        summary="A command as a chat completion",
        responses={200: _ANSWER, **problems(502, 504)},
    )
    async def chat(body: ChatRequest, request: Request) -> Response:
        response = await service.generate(
            query_of(body),
            visitor_in(request),
            leaving(request),
            safety=None,
            candidates=body.n,
        )
        document = completion(response, service.model_version)
        if body.stream:
            return Response("".join(_events(document)), media_type="text/event-stream")
        return json_response(document)

    @router.get(
        "/models",
        response_model=None,
        summary="The model behind this service",
        responses={
            200: {
                "description": "A list of one.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            **problems(),
        },
    )
    async def models() -> Response:
        model = {"id": service.model_version, "object": "model", "owned_by": "cli-tuner"}
        return json_response({"object": "list", "data": [{**model, "created": 0}]})

    return router


def query_of(body: ChatRequest) -> str:
    """What the last message of role user says. Raises Problem 422 if there is none."""
    for message in reversed(body.messages):
        if message.role == "user":
            if isinstance(message.content, str):
                return message.content
            return " ".join(part.text for part in message.content)
    raise Problem(422, "there is no message of role user", code="bad_request")


def completion(response: CommandResponse, model: str) -> dict[str, Any]:
    """The answer as a chat completion; each alternative is a further choice."""
    document = generated(response)
    if response.refusal is not None:
        choices = [_choice(0, None, response.refusal.message, document["verdict"])]
    else:
        first = {"command": document["command"], "verdict": document["verdict"]}
        choices = [
            _choice(number, one["command"], None, one["verdict"])
            for number, one in enumerate([first, *document["alternatives"]])
        ]
    return {
        "id": f"chatcmpl-{response.request_id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "cli_tuner": {
            "request_id": response.request_id,
            "risk_level": document["risk_level"],
            "refusal": document["refusal"],
            "confidence": document["confidence"],
            "provenance": document["provenance"],
        },
    }


def _choice(
    number: int, command: str | None, refusal: str | None, verdict: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "index": number,
        "message": {"role": "assistant", "content": command, "refusal": refusal},
        "finish_reason": "stop" if refusal is None else "content_filter",
        "logprobs": None,
        "verdict": verdict,
    }


def _events(document: dict[str, Any]) -> Iterator[str]:
    """The same as a stream: a command is judged as a whole, so it also comes as a whole."""
    head = {name: document[name] for name in ("id", "created", "model", "cli_tuner")}
    for choice in document["choices"]:
        chunk = {
            "index": choice["index"],
            "delta": choice["message"],
            "finish_reason": choice["finish_reason"],
            "verdict": choice["verdict"],
        }
        row = {**head, "object": "chat.completion.chunk", "choices": [chunk]}
        yield f"data: {json.dumps(row)}\n\n"
    yield "data: [DONE]\n\n"
