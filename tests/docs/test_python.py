"""Every piece of Python in docs/PYTHON.md runs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "PYTHON.md"
PIECES = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)


@pytest.fixture
def endpoint():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._reply({"data": [{"id": "scripted"}]})

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            choice = {"message": {"content": "ls -lS"}, "finish_reason": "stop"}
            self._reply({"choices": [choice], "usage": {"completion_tokens": 3}})

        def _reply(self, document):
            body = json.dumps(document).encode()
            with contextlib.suppress(ConnectionError):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_there_are_pieces():
    assert len(PIECES) >= 5


@pytest.mark.parametrize("code", PIECES, ids=[str(number) for number in range(len(PIECES))])
def test_a_piece_runs(code, endpoint, tmp_path):
    environ = {**os.environ, "CLI_TUNER_HOME": str(tmp_path), "CLI_TUNER_BACKEND": endpoint}
    command = [sys.executable, "-W", "error", "-c", code]
    ran = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout
    assert ran.stderr == ""
