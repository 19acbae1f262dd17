"""The program itself: a process that listens, ends well, and has keys and certificates."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import httpx
import pytest

from cli_tuner.backends import engine

PROGRAM = (sys.executable, "-m", "cli_tuner")
ASK = {"query": "list all files"}
PATIENCE_S = 30.0


@pytest.fixture
def environ(tmp_path):
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "CLI_TUNER_HOME": str(tmp_path / "program"),
    }


@pytest.fixture
def cli(environ):
    def run(*arguments):
        return subprocess.run(
            [*PROGRAM, *arguments],
            env=environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    return run


@pytest.fixture
def program(environ):
    """Start `cli-tuner serve`; gives the process and its URL."""
    started = []

    def start(*arguments, **variables):
        process = subprocess.Popen(
            [*PROGRAM, "serve", "--port", "0", *arguments],
            env={**environ, **variables},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        line = process.stderr.readline()
        assert "listening at" in line, line + process.stderr.read()
        rest = threading.Thread(target=process.stderr.read, daemon=True)
        rest.start()
        process.drained = rest
        return process, line.split()[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.wait(PATIENCE_S)
        process.drained.join()
        process.stderr.close()


def test_one_service_stands_before_others(serving, program):
    first, second = serving(["ls -la"]), serving(["ls -la"])
    _, url = program("--backend", first.url, "--backend", second.url)
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        answers = [client.post("/v1/generate", json=ASK) for _ in range(4)]
    assert [answer.json()["command"] for answer in answers] == ["ls -la"] * 4
    for behind in (first, second):
        assert b'route="/v1/chat/completions",status="200"} 2.0' in behind.service.metrics.text()


def test_told_to_end_it_finishes_what_is_in_flight(serving, program, held):
    behind = serving(backend=held)
    process, url = program("--backend", behind.url)
    answers = []
    asking = threading.Thread(
        target=lambda: answers.append(httpx.post(f"{url}/v1/generate", json=ASK, timeout=20))
    )
    asking.start()
    assert held.began.acquire(timeout=PATIENCE_S)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health", timeout=5)
    held.release.set()
    asking.join(PATIENCE_S)
    assert answers[0].json()["command"] == "ls -la"
    assert process.wait(PATIENCE_S) == 0


def test_a_taken_port_is_one_line(cli):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = cli("serve", "--port", str(taken.getsockname()[1]))
    assert ended.returncode == 2
    assert "cannot listen" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "there is no API key"),
        (["--tls-cert", "x"], "belong together"),
        (["--tls-cert", "/nowhere", "--tls-key", "/nowhere"], "cannot be used"),
        (["--port", "70000"], "--port is"),
        (["--backend", "ftp://x"], "--backend must be"),
    ],
)
def test_what_cannot_be_served_is_one_line(cli, arguments, said):
    ended = cli("serve", *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_keys_are_made_shown_once_listed_and_revoked(cli):
    made = cli("keys", "create", "alice", "--scope", "check", "--scope", "metrics")
    assert made.returncode == 0
    text = made.stdout.strip()
    assert "shown this once" in made.stderr
    listed = cli("keys")
    assert "alice" in listed.stdout
    assert text not in listed.stdout
    document = json.loads(cli("keys", "list", "--json").stdout)
    assert document["keys"][0]["scopes"] == ["check", "metrics"]
    assert "sha256" not in document["keys"][0]
    assert cli("keys", "revoke", "alice").returncode == 0
    assert "revoked" in cli("keys").stdout
    assert cli("keys", "revoke", "bob").returncode == 2
    assert cli("keys", "create").returncode == 2


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_it_speaks_tls(program, serving, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    making = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj"
        " /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout"
    )
    command = [*making.split(), str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    arguments = ["--tls-cert", str(certificate), "--tls-key", str(key)]
    _, url = program("--backend", serving().url, *arguments)
    assert url.startswith("https://")
    trusted = ssl.create_default_context(cafile=certificate)
    answered = httpx.post(f"{url}/v1/generate", json=ASK, verify=trusted, timeout=PATIENCE_S)
    assert answered.json()["command"] == "ls -la"
    assert "max-age" in answered.headers["strict-transport-security"]


@pytest.mark.model
def test_a_real_model_answers_and_its_killed_engine_is_replaced(program, real_home):
    from cli_tuner.settings import Paths

    home = {"CLI_TUNER_HOME": str(real_home), "CLI_TUNER_MODEL": "fast"}
    process, url = program(**home)
    with httpx.Client(base_url=url, timeout=120) as client:
        ask = {"query": "list all files in the current directory"}
        first = client.post("/v1/generate", json=ask).json()
        assert first["command"].startswith("ls")
        assert first["provenance"]["model"]["sha256"]
        (running,) = engine.running(Paths.of({"CLI_TUNER_HOME": str(real_home)}))
        os.kill(running["pid"], signal.SIGKILL)
        again = client.post("/v1/generate", json=ask).json()
        assert again["command"] == first["command"]
        many = []
        asking = threading.Thread(
            target=lambda: many.append(client.post("/v1/generate", json={**ask, "candidates": 8}))
        )
        asking.start()
        time.sleep(0.3)
        (running,) = engine.running(Paths.of({"CLI_TUNER_HOME": str(real_home)}))
        os.kill(running["pid"], signal.SIGKILL)
        asking.join(120)
        assert many[0].json()["command"].startswith("ls")  # the best of eight
        deadline = time.monotonic() + PATIENCE_S
        # The watch looks every five seconds, so it may have met only the last of the three.
        while "cli_tuner_engine_restarts_total 0.0" in client.get("/metrics").text:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert client.get("/ready").status_code == 200
        assert "@" in client.get("/health").json()["model_version"]
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    assert engine.running(Paths.of({"CLI_TUNER_HOME": str(real_home)})) == []
