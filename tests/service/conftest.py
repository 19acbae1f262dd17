"""A real server on a loopback port with the real guard and journal; only the model is scripted."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from cli_tuner.backends.protocol import Sampling, never
from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.errors import Cancelled
from cli_tuner.records import NormalizedRequest, RawModelOutput
from cli_tuner.service.config import ServiceConfig
from cli_tuner.service.engine import Probe
from cli_tuner.service.server import server_of
from cli_tuner.service.service import Service
from cli_tuner.service.tracing import Tracing
from cli_tuner.settings import Paths, Settings

PATIENCE_S = 30.0


class Held(ScriptedBackend):
    """A model that thinks until it is released, or told to stop."""

    def __init__(self) -> None:
        super().__init__(["ls -la"])
        self.began = threading.Semaphore(0)
        self.release = threading.Event()
        self.stopped = threading.Event()

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        self.began.release()
        deadline = time.monotonic() + PATIENCE_S
        while not self.release.wait(0.01) and time.monotonic() < deadline:
            if cancelled():
                self.stopped.set()
                raise Cancelled("cancelled")
        return super().complete(request, sampling)


class Running(NamedTuple):
    """A service that listens."""

    url: str
    port: int
    service: Service
    client: httpx.Client

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def raw(self, *parts: bytes, wait_s: float = PATIENCE_S) -> bytes:
        """What comes back for bytes that are sent as they are, until the other side closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait_s) as connection:
            for part in parts:
                connection.sendall(part)
            answer = b""
            try:
                while part := connection.recv(65_536):
                    answer += part
            except ConnectionResetError:
                pass
            return answer

    def is_well(self) -> bool:
        """Whether a usual question is answered as always."""
        judged = self.post("/v1/check", command="rm -rf /")
        return judged.status_code == 200 and judged.json()["level"] == "dangerous"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.of({"CLI_TUNER_HOME": str(tmp_path / "home")})


@pytest.fixture
def serving(paths: Paths) -> Iterator[Callable[..., Running]]:
    """Start a service: `serving(["ls -la"])`, `serving(backend=Held(), workers=1)`."""
    ended: list[Callable[[], None]] = []

    def start(
        answers: Any = ("ls -la",),
        *,
        backend: Any = None,
        settings: Settings | None = None,
        tracing: Tracing | None = None,
        **config: Any,
    ) -> Running:
        settings = settings or Settings(rate_limit=0)
        probe = Probe(backend or ScriptedBackend(answers))
        service = Service(ServiceConfig(port=0, **config), settings, paths, probe, tracing)
        server = server_of(service, log=False)
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        scheme = "https" if service.config.has_tls else "http"
        client = httpx.Client(
            base_url=f"{scheme}://127.0.0.1:{port}", timeout=PATIENCE_S, verify=False
        )
        deadline = time.monotonic() + PATIENCE_S
        while not (server.started and service.watch.state.is_up):
            assert time.monotonic() < deadline, service.watch.state
            time.sleep(0.005)

        def end() -> None:
            client.close()
            server.should_exit = True
            thread.join(PATIENCE_S)
            listener.close()
            assert not thread.is_alive()

        ended.append(end)
        return Running(str(client.base_url), port, service, client)

    yield start
    for end in ended:
        end()


@pytest.fixture
def held() -> Held:
    return Held()
