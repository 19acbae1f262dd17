"""The application: the routes, their description, and the envelope around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from cli_tuner import __version__
from cli_tuner.service.access import PUBLIC
from cli_tuner.service.api import api_router
from cli_tuner.service.chat import chat_router
from cli_tuner.service.envelope import Envelope
from cli_tuner.service.pages import pages_router
from cli_tuner.service.problem import on_error
from cli_tuner.service.schemas import ProblemDocument
from cli_tuner.service.service import Service
from cli_tuner.service.status import status_router

_DESCRIPTION = (
    "Turns a sentence into one bash command and judges commands. Nothing is run. Errors are"
    " RFC 9457 problem documents. See docs/SERVICE.md."
)


def application(service: Service, *, log: bool = True) -> ASGIApp:
    """Everything that answers HTTP, for this service."""
    app = FastAPI(
        title="cli-tuner",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan(service),
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        # Its own would put validation errors, and so what somebody wrote, into spans and logs.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    for router in (api_router, chat_router, status_router, pages_router):
        app.include_router(router(service))
    for kind in (HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, on_error)
    app.openapi = _described(app)  # type: ignore[method-assign]  # as FastAPI's docs extend it
    return Envelope(app, service, log=log)


def _lifespan(service: Service) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            await to_thread.run_sync(service.close)

    return lifespan


def _described(app: FastAPI) -> Any:
    """OpenAPI with what the envelope does: keys, and the form of errors."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            components = document.setdefault("components", {})
            schema = ProblemDocument.model_json_schema()
            components.setdefault("schemas", {})["ProblemDocument"] = schema
            components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            for path, item in document["paths"].items():
                for operation in item.values():
                    # Without keys, on loopback, nothing needs one: hence the empty alternative.
                    operation["security"] = [] if path in PUBLIC else [{"key": []}, {}]
            app.openapi_schema = document
        return app.openapi_schema

    return openapi
