"""A real shell on a terminal of its own, with an endpoint that answers from a script."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 30.0
COLUMNS, LINES = 100, 30
STARTS = {
    "bash": ["bash", "--norc", "--noprofile"],
    "zsh": ["zsh", "-f"],
    "fish": ["fish", "--no-config"],
}
PROMPTS = {
    "bash": "PS1='ready> '",
    "zsh": "PS1='ready> '",
    "fish": "function fish_prompt; printf 'ready> '; end; function fish_greeting; end",
}
LOADS = {
    "bash": 'eval "$({program} init bash {options})"',
    "zsh": 'eval "$({program} init zsh {options})"',
    "fish": "{program} init fish {options} | source",
}


class Terminal:
    """One shell in a tmux server of its own."""

    def __init__(self, shell: str, folder: Path, environ: dict[str, str]) -> None:
        self.shell = shell
        self._socket = str(folder / "tmux.sock")
        self._environ = environ
        size = ["-x", str(COLUMNS), "-y", str(LINES)]
        self._tmux("new-session", "-d", *size, *STARTS[shell])

    def load(self, options: str = "") -> None:
        """Evaluate what `cli-tuner init` prints, with a plain prompt."""
        program = Path(sys.executable).with_name("cli-tuner")
        time.sleep(0.5)  # until the shell reads: keys that come earlier are echoed twice
        self.keys(PROMPTS[self.shell], "Enter")
        self.keys(LOADS[self.shell].format(program=program, options=options), "Enter")
        self.keys("clear", "Enter")
        self.until(lambda text: text == "ready>")

    def keys(self, *keys: str) -> None:
        """Type. A name of a key, such as Enter or M-e, is that key."""
        for key in keys:
            literal = [] if key in ("Enter", "M-e", "C-g", "C-_", "C-z", "Up") else ["-l"]
            self._tmux("send-keys", *literal, "--", key)

    def text(self) -> str:
        """What the screen shows, without empty lines at the end."""
        shown = self._tmux("capture-pane", "-p")
        return "\n".join(line.rstrip() for line in shown.splitlines()).rstrip()

    def until(self, holds: Callable[[str], bool]) -> str:
        """Wait until the screen shows something; what it shows then."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds(self.text()):
            if time.monotonic() > deadline:
                raise AssertionError(f"still waiting; the screen shows:\n{self.text()}")
            time.sleep(0.05)
        return self.text()

    def close(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-f", "/dev/null", "-S", self._socket, *arguments]
        done = subprocess.run(
            command, env=self._environ, capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout


@pytest.fixture
def answers() -> Iterator[tuple[str, list[str], list[dict[str, Any]]]]:
    """(URL, what to answer in turn, what was asked) of a scripted endpoint on loopback."""
    scripted: list[str] = []
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({"data": [{"id": "scripted"}]})

        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            text = scripted[min(len(asked), len(scripted)) - 1]
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
    yield f"http://127.0.0.1:{server.server_address[1]}", scripted, asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    for program in (name, "tmux"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not here to be tested")
    return name


@pytest.fixture
def terminal(
    shell: str, tmp_path: Path, answers: tuple[str, list[str], list[dict[str, Any]]]
) -> Iterator[Terminal]:
    """The shell, which asks the scripted endpoint."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "CLI_TUNER_HOME": str(tmp_path / "ours"),
        "CLI_TUNER_BACKEND": answers[0],
        "HF_HUB_OFFLINE": "1",
        "HISTFILE": "",
    }
    found = Terminal(shell, tmp_path, environ)
    yield found
    found.close()
