"""A service under load, whose releases are switched: no request fails."""

from __future__ import annotations

import socket
import threading
import time

import httpx
import pytest
from tests.release.test_backend import Engines

from cli_tuner.release.backend import ReleasedBackend
from cli_tuner.release.switching import promote, rollback
from cli_tuner.service.config import ServiceConfig
from cli_tuner.service.engine import Probe
from cli_tuner.service.server import server_of
from cli_tuner.service.service import Service
from cli_tuner.settings import Settings

PATIENCE_S = 60.0


class Command(Engines):
    """Engines whose answer is a command that names their weights."""

    def start(self, reference):
        engine = super().start(reference)
        answer = engine.complete
        name = reference.rsplit("/", 1)[-1]
        engine.complete = lambda *given: answer(*given).model_copy(update={"text": f"echo {name}"})
        return engine


@pytest.fixture
def url(paths):
    engines = Command(paths)
    engines.pause_s = 0.01
    assert isinstance(engines.backend, ReleasedBackend)
    service = Service(ServiceConfig(port=0), Settings(rate_limit=0), paths, Probe(engines.backend))
    server = server_of(service, log=False)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    deadline = time.monotonic() + PATIENCE_S
    while not (server.started and service.watch.state.is_up):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(PATIENCE_S)
    listener.close()


def test_promote_and_rollback_under_load_fail_no_request(built, gates, url, paths):
    built("1.0.0")
    built("1.1.0")
    codes, commands, ended = [], [], threading.Event()

    def client():
        with httpx.Client(base_url=url, timeout=PATIENCE_S) as session:
            while not ended.is_set():
                answer = session.post("/v1/generate", json={"query": "say your name"})
                codes.append(answer.status_code)
                commands.append(answer.json()["command"])

    def wait_for(command):
        deadline = time.monotonic() + PATIENCE_S
        while command not in commands[-4:]:
            assert time.monotonic() < deadline, commands[-4:]
            time.sleep(0.01)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for one in clients:
        one.start()
    try:
        wait_for("echo usual")
        promote("1.0.0", gates)
        wait_for("echo tiny-1.0.0.gguf")
        promote("1.1.0", gates)
        wait_for("echo tiny-1.1.0.gguf")
        began = time.monotonic()
        rollback(paths)
        wait_for("echo tiny-1.0.0.gguf")
        seconds = time.monotonic() - began
    finally:
        ended.set()
        for one in clients:
            one.join()
    assert set(codes) == {200}
    assert None not in commands
    assert seconds < 60
    print(f"{len(codes)} requests, none failed; back for all of them after {seconds:.2f} s")
