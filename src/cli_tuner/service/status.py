"""`/health`, `/ready`, `/metrics`: for machines that look after the service."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from cli_tuner import __version__
from cli_tuner.service.api import problems
from cli_tuner.service.documents import json_response
from cli_tuner.service.metrics import CONTENT_TYPE
from cli_tuner.service.schemas import HealthAnswer, ReadyAnswer
from cli_tuner.service.service import Service


def status_router(service: Service) -> APIRouter:
    """The three routes, for this service."""
    router = APIRouter(default_response_class=Response)

    @router.get(
        "/health",
        response_model=None,
        summary="Whether the process lives",
        responses={200: {"model": HealthAnswer}, **problems()},
    )
    async def health() -> Response:
        return json_response(
            {
                "status": "ok" if service.watch.state.is_up else "degraded",
                "model_version": service.model_version,
                "version": __version__,
                "uptime_s": round(service.uptime_s, 3),
            }
        )

    @router.get(
        "/ready",
        response_model=None,
        summary="Whether requests can be answered, part by part",
        responses={
            200: {"model": ReadyAnswer},
            **problems(),
            503: {"model": ReadyAnswer, "description": "A part is not ready."},
        },
    )
    async def ready() -> Response:
        parts = service.ready_parts()
        is_ready = all(parts.values())
        document = {"status": "ready" if is_ready else "not_ready", "parts": parts}
        return json_response(document, 200 if is_ready else 503)

    @router.get(
        "/metrics",
        response_model=None,
        summary="Prometheus metrics",
        responses={
            200: {"description": "Text.", "content": {"text/plain": {}}},
            **problems(),
        },
    )
    async def metrics() -> Response:
        return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return router
