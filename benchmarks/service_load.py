"""Load on a real `cli-tuner serve`, over HTTP.

    python benchmarks/service_load.py all --minutes 10     everything below; `make load`
    python benchmarks/service_load.py check                judgements, with wrk where it is
    python benchmarks/service_load.py generate             answers of the real model `fast`
    python benchmarks/service_load.py own                  the service's own part of an answer
    python benchmarks/service_load.py abuse                what `service_abuse.py` does to it

`check` says requests per second and latencies; `generate` also how the memory of the service and
of its engine grew after a warm-up of a tenth of the time. `--out FILE` keeps the numbers, from
which `benchmarks/scaling.py` computes. Ends with status 1 if a gate of docs/SERVICE.md is missed.
Ask on a quiet machine: it is said how long the service waited for a core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import service_abuse
from cli_tuner import __version__
from cli_tuner.backends.engine import running
from cli_tuner.settings import Paths

COMMANDS = (
    "find . -name '*.py' -mtime -2",
    "ls -la",
    "tar -czf backup.tar.gz src docs",
    "sudo systemctl restart nginx",
    "rm -rf ./build",
    "curl -s https://example.org/x.sh | sudo bash",
    "grep -rn 'TODO' --include='*.c' .",
    "docker run --rm -it alpine sh",
)
QUERIES = (
    "find all python files modified in the last 2 days",
    "show disk usage of each folder here, largest first",
    "count the lines of all markdown files",
    "list the ten largest files below the current folder",
    "replace foo by bar in all text files",
    "show which process listens on port 8080",
    "compress the logs folder",
    "delete empty folders",
)
CHECKS_PER_S, CHECK_P99_MS, GROWTH = 300, 20.0, 0.05
OWN_ANSWERS_S = 10.0
Result = dict[str, Any]
_LUA = """
local bodies = {%s}
local n = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  n = n + 1
  return wrk.format(nil, "/v1/check", nil, bodies[n %% #bodies + 1])
end
done = function(summary, latency, requests)
  io.write(string.format("RESULT %%d %%d %%d %%d %%f %%f %%f\\n", summary.requests,
    summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
"""


class Load(NamedTuple):
    """What came of it. Latencies in milliseconds."""

    client: str
    seconds: float
    statuses: Counter[str]
    p50: float
    p95: float
    p99: float

    @property
    def per_s(self) -> float:
        """Requests answered a second."""
        return sum(self.statuses.values()) / self.seconds

    def as_json(self) -> Result:
        """For a file."""
        return {
            "client": self.client,
            "seconds": round(self.seconds, 1),
            "statuses": dict(self.statuses),
            "per_s": round(self.per_s, 2),
            "p50_ms": round(self.p50, 2),
            "p95_ms": round(self.p95, 2),
            "p99_ms": round(self.p99, 2),
        }

    def show(self) -> None:
        """Print it."""
        counts = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        print(f"  {self.client}: {self.per_s:.1f} requests/s in {self.seconds:.0f} s ({counts})")
        print(f"  p50 {self.p50:.1f} ms · p95 {self.p95:.1f} ms · p99 {self.p99:.1f} ms")


class Served:
    """A service process of its own."""

    def __init__(self, *arguments: str, **variables: str) -> None:
        environ = {**os.environ, **variables, "CLI_TUNER_RATE_LIMIT": "0"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli_tuner", "serve", "--port", "0", "--quiet", *arguments],
            env=environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.url = self.process.stderr.readline().split()[-1]
        self.port = int(self.url.rpartition(":")[2])

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)


def with_wrk(url: str, clients: int, seconds: int) -> Load:
    bodies = ",".join(json.dumps(json.dumps({"command": command})) for command in COMMANDS)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_LUA % bodies)
        script.flush()
        said = subprocess.run(
            ["wrk", "-t1", f"-c{clients}", f"-d{seconds}", "--latency", "-s", script.name, url],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    found = re.search(r"RESULT (.*)", said)
    assert found is not None, said
    count, spent_us, bad, broken, p50, p95, p99 = (float(word) for word in found[1].split())
    statuses = Counter({"200": int(count - bad), "other": int(bad), "broken": int(broken)})
    return Load("wrk", spent_us / 1e6, +statuses, p50 / 1000, p95 / 1000, p99 / 1000)


async def with_python(port: int, path: str, bodies: list[bytes], clients: int, s: float) -> Load:
    """As many connections as clients, each asking again as soon as it is answered."""
    latencies: list[float] = []
    statuses: Counter[str] = Counter()
    until = time.monotonic() + s

    async def ask(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number = first
        while time.monotonic() < until:
            body = bodies[number % len(bodies)]
            number += 1
            began = time.perf_counter()
            writer.write(
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None
            await reader.readexactly(int(length[1]))
            latencies.append((time.perf_counter() - began) * 1000)
            statuses[head.split(b" ", 2)[1].decode()] += 1
        writer.close()

    began = time.monotonic()
    await asyncio.gather(*(ask(number) for number in range(clients)))
    ordered = sorted(latencies)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return Load("asyncio", time.monotonic() - began, statuses, at(0.5), at(0.95), at(0.99))


def check(given: argparse.Namespace) -> Result:
    # Nobody listens at the discard port: the guard needs no engine.
    with (
        tempfile.TemporaryDirectory() as home,
        Served("--backend", "http://127.0.0.1:9", CLI_TUNER_HOME=home) as served,
    ):
        bodies = [json.dumps({"command": command}).encode() for command in COMMANDS]
        asyncio.run(with_python(served.port, "/v1/check", bodies, 4, 2.0))
        seconds = min(given.minutes, 1.0) * 60
        before_s, waited_s = cpu_s(served), run_delay_s(served)
        if shutil.which("wrk"):
            load = with_wrk(served.url, given.clients, int(seconds))
        else:
            load = asyncio.run(
                with_python(served.port, "/v1/check", bodies, given.clients, seconds)
            )
        spent_ms = (cpu_s(served) - before_s) * 1000 / sum(load.statuses.values())
        waited = (run_delay_s(served) - waited_s) / load.seconds
    print(f"  {spent_ms:.2f} ms of the service's CPU time a request")
    print(f"  it waited for a core {waited:.0%} of the time; above a few per cent, ask again")
    load.show()
    met = load.per_s >= CHECKS_PER_S and load.p99 <= CHECK_P99_MS and set(load.statuses) == {"200"}
    return {**load.as_json(), "cpu_ms": round(spent_ms, 3), "waited": round(waited, 3), "met": met}


def generate(given: argparse.Namespace) -> Result:
    with (
        tempfile.TemporaryDirectory() as home,  # so that the user's own journal stays as it is
        Served("--model", "fast", CLI_TUNER_HOME=_with_models(Path(home))) as served,
    ):
        paths = Paths.of({"CLI_TUNER_HOME": home})
        bodies = [json.dumps({"query": query}).encode() for query in QUERIES]
        warm_up_s = given.minutes * 6
        ask = ("/v1/generate", bodies, given.clients)
        asyncio.run(with_python(served.port, *ask, warm_up_s))
        before = memory(served, paths)
        load = asyncio.run(with_python(served.port, *ask, given.minutes * 60))
        after = memory(served, paths)
        waited = run_delay_s(served) / (warm_up_s + load.seconds)
    load.show()
    print(f"  it waited for a core {waited:.0%} of the time")
    growth = {name: after[name] / before[name] - 1 for name in before}
    for name, share in growth.items():
        print(f"  {name}: {before[name]:.0f} MiB -> {after[name]:.0f} MiB ({share:+.1%})")
    met = set(load.statuses) <= {"200", "429"} and max(growth.values()) < GROWTH
    mib = {name.split()[0]: round(size) for name, size in after.items()}
    worst = round(max(growth.values()), 4)
    return {**load.as_json(), "growth": worst, "mib": mib, "waited": round(waited, 3), "met": met}


def own(given: argparse.Namespace) -> Result:
    """What an answer costs the service itself, in front of an endpoint that answers at once."""
    endpoint = ThreadingHTTPServer(("127.0.0.1", 0), Instant)
    threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{endpoint.server_port}"
    with (
        tempfile.TemporaryDirectory() as home,
        Served("--backend", url, CLI_TUNER_HOME=home) as served,
    ):
        bodies = [json.dumps({"query": query}).encode() for query in QUERIES]
        ask = ("/v1/generate", bodies, given.clients)
        asyncio.run(with_python(served.port, *ask, 2.0))
        state = Paths.of({"CLI_TUNER_HOME": home}).state
        before_s, before_bytes = cpu_s(served), _bytes_below(state)
        load = asyncio.run(with_python(served.port, *ask, OWN_ANSWERS_S))
        count = sum(load.statuses.values())
        cpu_ms = (cpu_s(served) - before_s) * 1000 / count
        journal = (_bytes_below(state) - before_bytes) / count
    endpoint.shutdown()
    print(
        f"  {cpu_ms:.2f} ms of the service's CPU time and {journal:.0f} bytes of journal an answer"
    )
    met = set(load.statuses) == {"200"}
    return {"cpu_ms": round(cpu_ms, 2), "journal_bytes": round(journal), "met": met}


class Instant(BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint that takes no time."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The one model."""
        self._say({"data": [{"id": "instant"}]})

    def do_POST(self) -> None:
        """The one answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "find . -type f -size +100M"}
        self._say({"choices": [{"message": message, "finish_reason": "stop"}]})

    def _say(self, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def abuse(given: argparse.Namespace) -> Result:
    """See `service_abuse`."""
    with (
        tempfile.TemporaryDirectory() as home,
        Served("--model", "fast", CLI_TUNER_HOME=_with_models(Path(home))) as served,
    ):
        paths = Paths.of({"CLI_TUNER_HOME": home})
        bodies = [json.dumps({"query": QUERIES[0]}).encode()]
        asyncio.run(with_python(served.port, "/v1/generate", bodies, 1, 1.0))
        before = memory(served, paths)["service"]
        made = {
            "malformed": service_abuse.malformed(served.url, served.port),
            "slow_loris": service_abuse.slow_loris(served.url, served.port),
            "killed_engine": service_abuse.killed_engine(
                served.url, lambda: [int(one["pid"]) for one in running(paths)]
            ),
        }
        print(f"  the service: {before:.0f} MiB -> {memory(served, paths)['service']:.0f} MiB")
    return {**made, "met": all(one["met"] for one in made.values())}


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _with_models(home: Path) -> str:
    """The home, with the user's models in it."""
    (home / "data").mkdir()
    (home / "data" / "models").symlink_to(Paths.of().models)
    return str(home)


def memory(served: Served, paths: Paths) -> dict[str, float]:
    """Resident memory in MiB by process."""
    pids: dict[str, Any] = {"service": served.process.pid}
    pids |= {f"engine {one['model']}": one["pid"] for one in running(paths)}
    return {name: _rss_mib(pid) for name, pid in pids.items()}


def cpu_s(served: Served) -> float:
    """Seconds of CPU time that the service's process has had."""
    fields = Path(f"/proc/{served.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_delay_s(served: Served) -> float:
    """Seconds that the service's first thread was ready to run and had no core (Linux)."""
    fields = Path(f"/proc/{served.process.pid}/schedstat").read_text("ascii").split()
    return int(fields[1]) / 1e9


def _rss_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=(*PARTS, "all"))
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=0.5, help="check takes one at most")
    parser.add_argument("--out", type=Path, help="a JSON file; what was not measured stays in it")
    given = parser.parse_args()
    made: Result = {}
    for what in PARTS if given.what == "all" else (given.what,):
        print(what)
        made[what] = PARTS[what](given)
    if given.out:
        known = json.loads(given.out.read_text()) if given.out.exists() else {}
        about = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": _machine()}
        stamped = {what: {**one, **about} for what, one in made.items()}
        given.out.write_text(f"{json.dumps(known | stamped, indent=1, sort_keys=True)}\n")
    missed = [what for what, one in made.items() if not one["met"]]
    print(f"GATES MISSED: {', '.join(missed)}" if missed else "gates met")
    return 1 if missed else 0


PARTS = {"check": check, "own": own, "generate": generate, "abuse": abuse}


def _machine() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cpu = found[1] if found else platform.machine()
    return f"{cpu}, {os.cpu_count()} cores, cli-tuner {__version__}"


if __name__ == "__main__":
    sys.exit(main())
