"""What is around every request: identity, limits, headers, counting, and the last resort.

A plain ASGI application, since it is passed by every request: the door first, then the body's
bounds in bytes and seconds, and whatever goes wrong inside ends as a problem document.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cli_tuner.records import new_request_id
from cli_tuner.service.access import PAGES, PUBLIC, ROUTES
from cli_tuner.service.config import ServiceConfig
from cli_tuner.service.problem import (
    CLIENT_CLOSED,
    Problem,
    log_error,
    problem_of,
    problem_response,
)
from cli_tuner.service.service import Service

_API = "/v1/"
_METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}
_HSTS = "max-age=31536000"


class Envelope:
    """The application inside it."""

    def __init__(
        self,
        app: ASGIApp,
        service: Service,
        *,
        log: bool = True,
    ) -> None:
        self._app = app
        self._config = service.config
        self._access = service.access
        self._metrics = service.metrics
        self._tracing = service.tracing
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of scope are the application's own."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passage = _Passage(scope, receive, send, self._config)
        route = scope["path"] if scope["path"] in ROUTES else "other"
        with self._tracing.request(scope["method"], route, Headers(scope=scope)) as span:
            visitor = await self._served(scope, passage)
            span.ended(passage.status or CLIENT_CLOSED, passage.request_id, visitor)

    async def _served(self, scope: Scope, passage: _Passage) -> str:
        """Serve it; who asked, as the log knows them."""
        visitor = "-"
        try:
            path, method = scope["path"], scope["method"]
            headers = Headers(scope=scope)
            admitted = self._access.admit(path, method, headers)
            visitor = admitted.name
            scope.setdefault("state", {})["visitor"] = admitted
            passage.expect(headers)
            await self._app(scope, passage.receive, passage.send)
        except Exception as error:  # noqa: BLE001  nobody behind us would answer
            await self._fail(error, scope, passage)
        finally:
            self._account(scope, passage, visitor)
        return visitor

    async def _fail(self, error: Exception, scope: Scope, passage: _Passage) -> None:
        problem = problem_of(error)
        if problem.status_code >= 500 and not isinstance(error, Problem):
            log_error(error)
        if passage.status is not None:
            return  # the answer is on its way already
        response = problem_response(problem)
        if problem.status_code == 401 and scope["path"] in PAGES:
            response = RedirectResponse("/login", 303)
        await response(scope, passage.receive, passage.send)

    def _account(self, scope: Scope, passage: _Passage, visitor: str) -> None:
        status = passage.status or CLIENT_CLOSED
        spent_s = time.perf_counter() - passage.began
        path = scope["path"] if scope["path"] in ROUTES else "other"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.http_requests.labels(path, method, str(status)).inc()
        self._metrics.http_seconds.labels(path).observe(spent_s)
        if self._log and path not in PUBLIC:
            row = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "id": passage.request_id,
                "caller": visitor,
                "method": method,
                "route": path,
                "status": status,
                "ms": round(spent_s * 1000, 2),
            }
            with suppress(OSError, ValueError):  # nobody reads the log any more
                sys.stderr.write(f"{json.dumps(row)}\n")


class _Passage:
    """One request on its way in and out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, config: ServiceConfig) -> None:
        self.began = time.perf_counter()
        self.request_id = new_request_id()
        self.status: int | None = None
        self._receive = receive
        self._send = send
        self._most = config.body_bytes
        self._path: str = scope["path"]
        self._tls = scope.get("scheme") == "https"
        self._read = 0
        head = Headers(scope=scope)
        self._whole = head.get("content-length", "0") == "0" and "transfer-encoding" not in head
        self._deadline = anyio.current_time() + config.body_timeout_s

    def expect(self, headers: Headers) -> None:
        """Refuse a body by its head: one too large, or one that is no JSON where JSON goes."""
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._most:
            raise self._too_large()
        if self._path.startswith(_API) and not self._whole:
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise Problem(415, "the body must be application/json", code="not_json_type")

    def _too_large(self) -> Problem:
        return Problem(413, f"the body has more than {self._most} bytes", code="too_large")

    async def receive(self) -> Message:
        """The next part of the body, within its bounds; afterwards whether the caller left."""
        if self._whole:
            return await self._receive()
        left_s = self._deadline - anyio.current_time()
        with anyio.move_on_after(max(left_s, 0.0)):
            message = await self._receive()
            if message["type"] == "http.request":
                self._read += len(message.get("body", b""))
                if self._read > self._most:
                    raise self._too_large()
                self._whole = not message.get("more_body", False)
            return message
        raise Problem(408, "the body did not come in time", code="too_slow")

    async def send(self, message: Message) -> None:
        """The answer, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-Id"] = self.request_id
            if self._tls:
                headers["Strict-Transport-Security"] = _HSTS
            if not self._whole and self.status >= 400:
                headers["Connection"] = "close"  # what is left of the body is not read
        await self._send(message)
