"""The MCP server, spoken to by the official SDK's own client over stdio."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("mcp", reason="the extra cli-tuner[mcp] is not installed")

TOOLS = ("generate_command", "check_command", "explain_command")


@pytest.fixture
def endpoint():
    """An endpoint that answers with what stands in the list."""
    answers = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._reply({"data": [{"id": "scripted"}]})

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            choice = {"message": {"content": answers[0]}, "finish_reason": "stop"}
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
    yield f"http://127.0.0.1:{server.server_address[1]}", answers
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def talk(tmp_path, endpoint):
    """Run a conversation with the server as a process: `talk(async_function)`."""
    from mcp import Client, StdioServerParameters

    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "CLI_TUNER_HOME": str(tmp_path / "ours"),
        "CLI_TUNER_BACKEND": endpoint[0],
    }
    program = StdioServerParameters(
        command=sys.executable, args=["-m", "cli_tuner", "mcp"], env=environ, cwd=tmp_path
    )

    def run(conversation):
        async def main():
            async with Client(program) as client:
                return await conversation(client)

        return asyncio.run(asyncio.wait_for(main(), 60))

    return run


def content(result):
    assert not result.is_error, result
    return result.structured_content


def test_its_tools_are_described(talk):
    async def conversation(client):
        return await client.list_tools()

    tools = {tool.name: tool for tool in talk(conversation).tools}
    assert set(tools) == set(TOOLS)
    for tool in tools.values():
        assert "run" in tool.description
        assert tool.annotations.read_only_hint is True
        assert tool.input_schema["required"]


def test_one_session_with_all_three(talk, endpoint):
    endpoint[1].append("ls -lS")

    async def conversation(client):
        return [
            content(await client.call_tool("generate_command", {"query": "list files by size"})),
            content(await client.call_tool("check_command", {"command": "rm -rf /"})),
            content(await client.call_tool("check_command", {"command": "ls"})),
            content(await client.call_tool("explain_command", {"command": "ls -la"})),
        ]

    made, dangerous, safe, explained = talk(conversation)
    assert (made["command"], made["level"], made["refusal"]) == ("ls -lS", "safe", None)
    assert (dangerous["level"], dangerous["permitted"]) == ("dangerous", False)
    assert dangerous["reasons"][0]["rule"] == "CT-DEL-001"
    assert (safe["level"], safe["reasons"]) == ("safe", [])
    assert explained["parts"][0]["meaning"] == "lists files and folders"
    assert explained["level"] == "safe"


def test_a_dangerous_answer_is_refused(talk, endpoint):
    endpoint[1].append("rm -rf /")

    async def conversation(client):
        return content(await client.call_tool("generate_command", {"query": "wipe it all"}))

    made = talk(conversation)
    assert (made["command"], made["code"]) == (None, "dangerous")
    assert "rm -rf" not in json.dumps(made)


def test_the_projects_policy_is_in_force(talk, tmp_path):
    (tmp_path / "p" / ".cli-tuner").mkdir(parents=True)
    (tmp_path / "p" / ".cli-tuner" / "policy.toml").write_text('safety = "strict"\n')
    question = {"command": "git push --force", "folder": str(tmp_path / "p")}

    async def conversation(client):
        return content(await client.call_tool("check_command", question))

    found = talk(conversation)
    assert (found["level"], found["permitted"]) == ("review", False)


def test_what_cannot_be_done_is_said_and_the_server_lives_on(talk, endpoint):
    endpoint[1].append("not a command at all, sorry")

    async def conversation(client):
        wrong = await client.call_tool("check_command", {"command": 7})
        refused = content(await client.call_tool("generate_command", {"query": "x"}))
        alive = content(await client.call_tool("check_command", {"command": "ls"}))
        return wrong, refused, alive

    wrong, refused, alive = talk(conversation)
    assert wrong.is_error
    assert refused["command"] is None
    assert refused["refusal"]
    assert alive["level"] == "safe"


def test_without_the_sdk_it_says_how_to_get_it(tmp_path):
    code = (
        "import sys; sys.modules['mcp'] = None; sys.modules['mcp.server'] = None\n"
        "from cli_tuner.cli.main import main\nsys.exit(main(['mcp']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, input=""
    )
    assert done.returncode == 3
    assert "cli-tuner[mcp]" in done.stderr
    assert done.stderr.count("\n") == 1
