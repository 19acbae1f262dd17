"""The program as a user runs it: a process of its own, a home of its own, sometimes a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PROGRAM = (sys.executable, "-m", "cli_tuner")
PATIENCE_S = 60.0
CTRL_C = "\x03"


class Ended(NamedTuple):
    """How a run ended. `terminal` is what its terminal showed, if it had one."""

    status: int
    out: str
    err: str
    terminal: str = ""

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Endpoint(NamedTuple):
    """A scripted OpenAI-style server on loopback. Put answers in; they are given in turn."""

    url: str
    answers: list[str]
    asked: list[dict[str, Any]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def environ(home: Path, tmp_path: Path) -> dict[str, str]:
    """Nothing of the developer's own environment, so that a test means the same everywhere."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "CLI_TUNER_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
    }


def _checked(ended: Ended) -> Ended:
    """What holds for every run: no traceback, and no bug reported by the program itself."""
    for text in (ended.out, ended.err, ended.terminal):
        assert "Traceback" not in text, text
        assert "this is a bug" not in text, text
        assert "Exception ignored" not in text, text
    return ended


@pytest.fixture
def cli(environ: dict[str, str]) -> Callable[..., Ended]:
    """Run the program without a terminal: `cli("check", "ls")`."""

    def run(*arguments: str | bytes, stdin: bytes = b"", **variables: str) -> Ended:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            input=stdin,
            capture_output=True,
            env={**environ, **variables},
            timeout=PATIENCE_S,
            check=False,
            start_new_session=True,  # no terminal, whatever the tests were started from
        )
        return _checked(Ended(done.returncode, done.stdout.decode(), done.stderr.decode()))

    return run


@pytest.fixture
def on_terminal(environ: dict[str, str]) -> Callable[..., Ended]:
    """Run the program with a terminal: `on_terminal([...], [("run it?", "y\\n")])`.

    Each pair is what to wait for on the terminal and what to type then. stdout is a pipe; stderr
    and /dev/tty are the terminal.
    """

    def run(
        arguments: Sequence[str], typed: Sequence[tuple[str, str]] = (), **variables: str
    ) -> Ended:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**environ, **variables},
            start_new_session=True,
            # The child has one thread, and needs its terminal before Python is loaded.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(theirs)
        with process:
            shown = _conversation(ours, list(typed), process)
            assert process.stdout is not None
            out = process.stdout.read().decode()
            status = process.wait(PATIENCE_S)
        os.close(ours)
        return _checked(Ended(status, out, "", shown))

    return run


def _conversation(
    terminal: int, typed: list[tuple[str, str]], process: subprocess.Popen[bytes]
) -> str:
    """Type when it is time to, until the program lets go of its terminal; what was shown."""
    shown, seen_until = b"", 0
    deadline = time.monotonic() + PATIENCE_S
    interrupt_again = deadline
    while True:
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"still waiting; the terminal shows: {shown.decode()}")
        if time.monotonic() > interrupt_again:
            # readline misses a Ctrl-C in the instant before it waits; a person presses it again.
            os.write(terminal, CTRL_C.encode())
            interrupt_again = time.monotonic() + 1
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                part = os.read(terminal, 4096)
            except OSError:  # Linux says EIO when the other side is closed
                part = b""
            if not part:
                break
            shown += part
        if typed and typed[0][0].encode() in shown[seen_until:]:
            seen_until = len(shown)
            keys = typed.pop(0)[1]
            os.write(terminal, keys.encode())
            interrupt_again = time.monotonic() + 1 if keys == CTRL_C else deadline
    assert not typed, f"was never asked {typed[0][0]!r}; the terminal shows: {shown.decode()}"
    return shown.decode()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint that answers with a script, and remembers what it was asked."""
    answers: list[str] = []
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({"data": [{"id": "scripted"}]})

        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            text = answers[(len(asked) - 1) % len(answers)]
            choice = {"message": {"content": text}, "finish_reason": "stop"}
            self._reply({"choices": [choice], "usage": {"completion_tokens": 3}})

        def _reply(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            with contextlib.suppress(ConnectionError):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield Endpoint(f"http://127.0.0.1:{server.server_address[1]}", answers, asked)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def generate(cli: Callable[..., Ended], endpoint: Endpoint) -> Callable[..., Ended]:
    """`generate("list files", answer="ls -la")`: one question to the scripted endpoint."""

    def run(
        *arguments: str | bytes, answer: str | Sequence[str] = "ls -la", **options: Any
    ) -> Ended:
        endpoint.answers[:] = [answer] if isinstance(answer, str) else answer
        return cli("generate", "--backend", endpoint.url, *arguments, **options)

    return run
