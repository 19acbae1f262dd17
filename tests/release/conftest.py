"""A home with a key, weights of a few bytes, an evaluation of them, and releases made of these."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli_tuner.artifacts.artifact import PROVENANCE, address_of, digests_of, sha256_of_file
from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.cli.main import main
from cli_tuner.guard import ruleset_digest
from cli_tuner.prompt import TEMPLATE_SHA256
from cli_tuner.release.build import Order, build
from cli_tuner.release.gates import Gates
from cli_tuner.release.signing import keygen
from cli_tuner.settings import Paths, Settings

GATE = "exact match, canonical"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths.of({"CLI_TUNER_HOME": str(tmp_path / "home")})
    keygen(paths)
    return paths


def artifact(folder: Path, **facts: Any) -> Path:
    """Give a folder the provenance that makes it an artifact."""
    digests = digests_of(folder)
    files = {name: {"sha256": digest} for name, digest in digests.items()}
    text = json.dumps({"address": address_of(digests), "files": files, **facts})
    (folder / PROVENANCE).write_text(text)
    return folder


def weights(path: Path, content: str = "weights") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"GGUF" + content.encode())
    return path


def evaluation(folder: Path, model: Path, adapter: Path | None = None, **changes: Any) -> Path:
    """A report as `run evaluate` writes it, about these weights."""
    folder.mkdir(parents=True)
    measured = {"hits": 9, "n": 10, "value": 0.9, "low": 0.6, "high": 0.98}
    results = {
        "schema_version": "1",
        "model": {
            "sha256": sha256_of_file(model),
            "adapter_sha256": sha256_of_file(adapter) if adapter else None,
        },
        "gates": [
            {"gate": GATE, "measure": "domain.exact_canonical", "verdict": "pass"},
            {"gate": "caught", "measure": "safety.dangerous_caught", "verdict": "not measured"},
        ],
        "sets": {"dev": {"suites": {"domain": {"measures": {"exact_canonical": measured}}}}},
        "run": {
            "identity": {"template_sha256": TEMPLATE_SHA256, "ruleset_sha256": ruleset_digest()}
        },
        **changes,
    }
    (folder / "results.json").write_text(json.dumps(results))
    return artifact(folder, stage="evaluate", name="dev")


@pytest.fixture
def order(tmp_path: Path) -> Callable[..., Order]:
    """What to build: `order("1.0.0", content="other weights", accepted=(...))`."""

    def make(version: str, *, content: str | None = None, **changes: Any) -> Order:
        model = weights(tmp_path / version / "tiny.gguf", content or version)
        report = tmp_path / version / "evaluation"
        given = Order(
            version=version,
            policy_version="1.0.0",
            model=str(model),
            evaluation=report if report.exists() else evaluation(report, model),
            licence="Apache-2.0",
        )
        return replace(given, **changes)

    return make


@pytest.fixture
def built(order: Callable[..., Order], paths: Paths) -> Callable[..., Path]:
    """Build a release of weights of its own; its folder."""

    def make(version: str, **changes: Any) -> Path:
        return build(order(version, **changes), Settings(), paths)

    return make


class Answers:
    """Whatever is asked, the next of these."""

    def __init__(self, *texts: str, error: Exception | None = None) -> None:
        self.texts = texts
        self.error = error

    def __call__(self, *_: object) -> ScriptedBackend:
        return ScriptedBackend(self.texts, error=self.error)


@pytest.fixture
def gates(paths: Paths) -> Gates:
    """All gates, with a model that always says the same."""
    return Gates(paths, Settings(), Answers("ls -la"))


@pytest.fixture
def endpoint() -> Iterator[str]:
    """The URL of a server that speaks as a model's does, and always says `ls -la`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({"data": [{"id": "scripted"}]})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            choice = {"message": {"content": "ls -la"}, "finish_reason": "stop"}
            self._reply({"choices": [choice], "usage": {"completion_tokens": 3}})

        def _reply(self, document: Any) -> None:
            body = json.dumps(document).encode()
            with contextlib.suppress(ConnectionError):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


class Ended(NamedTuple):
    """How the program ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """`cli-tuner` with these arguments, in a home of its own."""
    monkeypatch.setenv("CLI_TUNER_HOME", str(tmp_path / "home"))

    def run(*arguments: str) -> Ended:
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
        return Ended(status, *capsys.readouterr())

    return run
