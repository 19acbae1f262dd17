"""How long a person waits: whole processes, from the shell's point of view.

    python benchmarks/latency.py [--models fast balanced] [--out benchmarks/results/latency]

For each model: a cold call (no engine running, model on disk), then 20 different queries warm,
the models in turn so that a change of the machine's speed meets them all. The warm ones begin ten
seconds after both have answered: a resident engine puts its weights in order when nobody asks. Own
work is what is left of the wall-clock time when the engine's own prompt and decode time are taken
away: starting Python, imports, the socket, the six boundaries, the journal, printing, ending. Also
`--help` and `check` from a cold process. Medians are reported; every figure is in the JSON beside
the table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

QUERIES = (
    "find files bigger than 100MB here",
    "show the ten largest folders under /var",
    "count the lines of every python file",
    "list open ports with the programs that use them",
    "compress the folder reports into reports.tar.gz",
    "rename all jpeg files to jpg",
    "show the last 50 lines of app.log",
    "which processes use the most memory",
    "replace foo with bar in every txt file",
    "show commits of the last week by author",
    "print the second column of data.csv",
    "how much disk space is left",
    "find empty folders below this one",
    "make script.sh executable",
    "download https://example.com/data.json",
    "sort names.txt and remove duplicates",
    "show my public ssh key",
    "list files changed in the last hour",
    "extract backup.tar.gz into /tmp/restore",
    "show the kernel version",
)
COLD_RUNS = 3
START_RUNS = 15
SETTLED_S = 10


def main() -> int:
    """Measure, print the table, write it and the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--models", nargs="+", default=["fast", "balanced"])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "latency")
    given = parser.parse_args()
    program = Path(sys.executable).with_name("cli-tuner")
    with tempfile.TemporaryDirectory() as home:
        program_env = _own_home(Path(home))
        try:
            results = _measure(program, given.models, program_env)
        finally:
            subprocess.run([program, "stop"], env=program_env, capture_output=True, check=False)
    table = _table(results)
    print(table)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    given.out.with_suffix(".md").write_text(table)
    return 0


def _own_home(home: Path) -> dict[str, str]:
    """A journal and sockets of its own, with the models that are installed."""
    from cli_tuner.settings import Paths

    (home / "data").mkdir()
    (home / "data" / "models").symlink_to(Paths.of().models)
    return {**os.environ, "CLI_TUNER_HOME": str(home)}


def _measure(program: Path, models: list[str], env: dict[str, str]) -> dict[str, Any]:
    cold: dict[str, list[float]] = {model: [] for model in models}
    for _ in range(COLD_RUNS):
        for model in models:
            subprocess.run([program, "stop"], env=env, capture_output=True, check=True)
            cold[model].append(_asked(program, model, QUERIES[0], env)["wall_ms"])
    for model in models:  # both engines are up, each with its prompt prefix read
        _asked(program, model, "list files", env)
    time.sleep(SETTLED_S)
    warm: dict[str, list[dict[str, Any]]] = {model: [] for model in models}
    for query in QUERIES:
        for model in models:
            warm[model].append(_asked(program, model, query, env))
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "cold_ms": cold,
        "warm": warm,
        "help_ms": _started([program, "--help"], env),
        "check_ms": _started([program, "check", "find . -name '*.pyc' -delete"], env),
    }


def _asked(program: Path, model: str, query: str, env: dict[str, str]) -> dict[str, Any]:
    """One `generate` as a whole process; what the engine says it took comes from its answer."""
    began = time.perf_counter()
    ran = subprocess.run(
        [program, "generate", "--json", "--model", model, query],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    wall_ms = (time.perf_counter() - began) * 1000
    if not ran.stdout:
        raise SystemExit(f"{query!r} failed: {ran.stderr}")
    document = json.loads(ran.stdout)
    latency = document["latency"]
    engine_ms = latency["engine_prompt_ms"] + latency["engine_decode_ms"]
    return {
        "query": query,
        "answer": document["command"] or document["refusal"]["code"],
        "wall_ms": wall_ms,
        "prompt_ms": latency["engine_prompt_ms"],
        "decode_ms": latency["engine_decode_ms"],
        "own_ms": wall_ms - engine_ms,
    }


def _started(command: list[Any], env: dict[str, str]) -> list[float]:
    times = []
    for _ in range(START_RUNS):
        began = time.perf_counter()
        subprocess.run(command, env=env, capture_output=True, check=True)
        times.append((time.perf_counter() - began) * 1000)
    return times


def _machine() -> dict[str, str]:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = lines[0].split(":", 1)[1].strip() if lines else cpu
    return {
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "xllamacpp": version("xllamacpp"),
        "cli-tuner": version("cli-tuner"),
        "system": f"{platform.system()} {platform.release()}",
    }


def _table(results: dict[str, Any]) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    lines = [
        f"Measured {results['at']} on {machine}. Milliseconds, medians (smallest to largest).",
        "",
        "| | " + " | ".join(results["warm"]) + " |",
        "|---|" + "---|" * len(results["warm"]),
        _row("cold first call", list(results["cold_ms"].values())),
    ]
    for name, title in (
        ("wall_ms", f"warm, {len(QUERIES)} queries"),
        ("prompt_ms", "- the engine reads the prompt"),
        ("decode_ms", "- the engine writes the answer"),
        ("own_ms", "- all our own work"),
    ):
        lines.append(
            _row(title, [[run[name] for run in runs] for runs in results["warm"].values()])
        )
    lines += [
        "",
        f"| `cli-tuner --help` | {_median(results['help_ms'])} |",
        "|---|---|",
        f"| `cli-tuner check` | {_median(results['check_ms'])} |",
    ]
    return "\n".join(lines) + "\n"


def _row(title: str, columns: list[list[float]]) -> str:
    return f"| {title} | " + " | ".join(_median(column) for column in columns) + " |"


def _median(times: list[float]) -> str:
    return f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"


if __name__ == "__main__":
    sys.exit(main())
