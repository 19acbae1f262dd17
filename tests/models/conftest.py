"""Small models, a Hub on 127.0.0.1 and an index in a folder: nothing here leaves the machine."""

from __future__ import annotations

import hashlib
import os
import random
import re
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cli_tuner.models import Adapter, BaseModel, Progress, Surroundings
from cli_tuner.models.entry import HubPin, WheelPart
from cli_tuner.models.sources import hub
from cli_tuner.settings import Paths

REPO, REVISION, FILE = "team/tiny-GGUF", "c0ffee", "tiny-q4.gguf"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.of({"CLI_TUNER_HOME": str(tmp_path / "home")})


@pytest.fixture
def content() -> bytes:
    """A model of 3 MB that looks like one from the outside."""
    return b"GGUF" + random.Random(1).randbytes(3_000_000)


@pytest.fixture
def make_base(content: bytes) -> Callable[..., BaseModel]:
    def make(data: bytes = content, **changes: Any) -> BaseModel:
        fields: dict[str, Any] = {
            "name": "tiny",
            "title": "Tiny",
            "file": FILE,
            "size_bytes": len(data),
            "sha256": sha256(data),
            "parameters": 1,
            "ram_bytes": 1,
            "hub": HubPin(REPO, REVISION),
        }
        return BaseModel(**(fields | changes))

    return make


@pytest.fixture
def base(make_base: Callable[..., BaseModel]) -> BaseModel:
    return make_base()


@pytest.fixture
def make_adapter(base: BaseModel) -> Callable[..., Adapter]:
    def make(data: bytes, **changes: Any) -> Adapter:
        fields: dict[str, Any] = {
            "name": "house",
            "base": base.name,
            "base_sha256": base.sha256,
            "file": "house.gguf",
            "size_bytes": len(data),
            "sha256": sha256(data),
        }
        return Adapter(**(fields | changes))

    return make


class Recorder(Progress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, int, str]] = []
        self.notices: list[str] = []

    def on_progress(self, done_bytes: int, total_bytes: int, source: str) -> None:
        self.reports.append((done_bytes, total_bytes, source))

    def on_notice(self, message: str) -> None:
        self.notices.append(message)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@dataclass
class HubServer:
    """A Hub: HEAD and GET of /repo/resolve/revision/file, which redirects to where bytes are.

    `cuts` are numbers of bytes after which the next answers break off; `pause_s` slows every
    64 kB; `announced` is the digest in the headers, that of the content unless told otherwise.
    """

    content: bytes
    url: str = ""
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ranges: bool = True
    pause_s: float = 0.0
    announced: str | None = None
    requests: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    wait: threading.Event = field(default_factory=threading.Event)

    def gets(self) -> list[Mapping[str, str]]:
        """The headers of every request for bytes."""
        return [
            headers
            for verb, path, headers in self.requests
            if verb == "GET" and path.startswith("/cdn/")
        ]


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[HubServer]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.hub.requests.append((self.command, self.path, headers))
        if self.path == f"/{REPO}/resolve/{REVISION}/{FILE}":
            self._redirect()
        elif self.path == f"/cdn/{FILE}":
            self._send_bytes(with_body)
        else:
            self._status(404, {"X-Error-Code": "EntryNotFound"})

    def _status(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _redirect(self) -> None:
        if self.hub.statuses:
            self._status(self.hub.statuses.pop(0), {})
            return
        digest = self.hub.announced or sha256(self.hub.content)
        headers = {
            "Location": f"{self.hub.url.replace('127.0.0.1', 'localhost')}/cdn/{FILE}",
            "X-Repo-Commit": COMMIT,
            "X-Linked-Etag": f'"{digest}"',
            "X-Linked-Size": str(len(self.hub.content)),
        }
        self._status(302, headers)

    def _send_bytes(self, with_body: bool) -> None:
        data, start = self.hub.content, 0
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and self.hub.ranges:
            start = int(wanted[1])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", f'"{sha256(data)}"')
        self.end_headers()
        if with_body:
            self._send_body(data[start:])

    def _send_body(self, data: bytes) -> None:
        cut = self.hub.cuts.pop(0) if self.hub.cuts else len(data)
        try:
            for start in range(0, min(cut, len(data)), 65536):
                self.wfile.write(data[start : min(start + 65536, cut)])
                self.hub.wait.wait(self.hub.pause_s)
            if cut < len(data):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:  # the client went away
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are what is tested."""


@pytest.fixture
def hub_server(content: bytes) -> Iterator[HubServer]:
    state = HubServer(content)
    handler = type("Handler", (_Handler,), {"hub": state})
    with _Server(("127.0.0.1", 0), handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield state
        state.wait.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(autouse=True)
def _here_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy between the tests and 127.0.0.1, and no long pauses before a retry."""
    for name in [key for key in os.environ if key.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(hub, "PAUSE_S", 0.01)


def environment(**changes: str) -> dict[str, str]:
    """This environment without anybody's Hub or pip configuration, and the changes."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "PIP_"))}
    return kept | {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"} | changes


@pytest.fixture
def around_hub(hub_server: HubServer) -> Surroundings:
    return Surroundings(environ=environment(HF_ENDPOINT=hub_server.url))


@pytest.fixture
def offline() -> Callable[..., Surroundings]:
    """Surroundings without a Hub, with these variables."""

    def make(**changes: str) -> Surroundings:
        return Surroundings(environ=environment(HF_HUB_OFFLINE="1", **changes))

    return make


@dataclass
class Index:
    """A folder of wheels that pip takes for an index."""

    folder: Path
    parts: tuple[WheelPart, ...] = ()

    def add(self, package: str, payload: bytes, *, init: str = "", member_name: str = "") -> None:
        """Write the wheel of one more part and pin it."""
        module = package.replace("-", "_")
        member = member_name or f"{module}/data/part.bin"
        wheel = self.folder / f"{module}-1.0-py3-none-any.whl"
        info = f"{module}-1.0.dist-info"
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{module}/__init__.py", init)
            archive.writestr(member, payload)
            archive.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
            )
            archive.writestr(
                f"{info}/WHEEL",
                "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
            archive.writestr(f"{info}/RECORD", "")
        part = WheelPart(
            package=package,
            version="1.0",
            member=f"{module}/data/part.bin",
            wheel_sha256=sha256(wheel.read_bytes()),
            size_bytes=len(payload),
            sha256=sha256(payload),
        )
        self.parts = (*self.parts, part)

    def wheel(self, number: int) -> Path:
        module = self.parts[number].package.replace("-", "_")
        return self.folder / f"{module}-1.0-py3-none-any.whl"


@pytest.fixture
def index(tmp_path: Path) -> Index:
    folder = tmp_path / "index"
    folder.mkdir()
    return Index(folder)
