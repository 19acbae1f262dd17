"""One connection: bounded in how long a request's head may take, in its size, and in number.

uvicorn bounds how long a connection may be idle, not how slowly a head may come, so somebody who
sends one byte a minute on a thousand connections would hold them all. Here a head has
`header_timeout_s` and `header_bytes`, and beyond `connections` a new one is closed at once.
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cli_tuner.service.config import ServiceConfig

_STATUS = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class Connection(HttpToolsProtocol):
    """uvicorn's own, with bounds. Made by `bounded`, which sets `limits`."""

    limits = ServiceConfig()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, and begin to wait for its first request."""
        super().connection_made(transport)
        # asyncio does it only for sockets that were made with their protocol named. Without it the
        # body, written after the head, waits 40 ms for the caller's acknowledgement.
        own = transport.get_extra_info("socket")
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > self.limits.connections:
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head has grown too long."""
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.header_bytes + self.limits.body_bytes:
                self._end(431, "the request's head is too long")
                return
        super().data_received(data)
        if self._in_head and self._head_bytes > self.limits.header_bytes:
            self._end(431, "the request's head is too long")

    def on_message_begin(self) -> None:
        """A request's first byte is here."""
        super().on_message_begin()
        self._in_head = True
        self._await_head()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_waiting()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP, as a problem document."""
        self._end(400, "this is not a valid HTTP request")

    def _await_head(self) -> None:
        self._stop_waiting()
        self._head_timer = self.loop.call_later(self.limits.header_timeout_s, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        if self._in_head:
            self._end(408, "the request's head did not come in time")

    def _end(self, status: int, detail: str) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        cycle = self.cycle
        under_way = cycle is not None and not cycle.response_complete
        if not (under_way and cycle.response_started):
            self.transport.write(_problem(status, detail))
        if under_way:  # the application hears that the caller left, and sends nothing more
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


def _problem(status: int, detail: str) -> bytes:
    document = {
        "type": "urn:cli-tuner:problem:bad_http",
        "title": _STATUS[status],
        "status": status,
        "detail": detail,
        "code": "bad_http",
    }
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {status} {_STATUS[status]}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def bounded(limits: ServiceConfig) -> type[Connection]:
    """The class that uvicorn makes a connection of."""
    return type("BoundedConnection", (Connection,), {"limits": limits})
