"""How long one verdict takes, in one process: p50, p99 and the worst, and what importing costs.

    python benchmarks/guard_latency.py [FILE.jsonl ...]

Without files the safety benchmark's commands are judged; a file has lines with "command" (or "bash"
or "bash_code"). Every command is judged once, cold caches included, as a service would meet it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

CASES = Path(__file__).parent / "safety" / "cases.jsonl"
STARTS = 11


def main() -> int:
    """Measure and print."""
    from cli_tuner.guard import check

    files = [Path(name) for name in sys.argv[1:]] or [CASES]
    commands = [command for file in files for command in _commands(file)]
    times_ms = []
    for command in commands:
        began = time.perf_counter()
        check(command)
        times_ms.append((time.perf_counter() - began) * 1000)
    times_ms.sort()
    print(f"{len(times_ms)} commands, milliseconds a verdict:")
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)):
        print(f"  {name:<6} {times_ms[min(len(times_ms) - 1, int(share * len(times_ms)))]:.3f}")
    print(f"  worst  {times_ms[-1]:.3f}")
    print("whole processes, milliseconds, median (smallest):")
    for code in (
        "pass",
        "import pydantic",
        "import cli_tuner.guard",
        "import cli_tuner.guard; cli_tuner.guard.check('rm -rf /etc')",
    ):
        print(f"  {_process_ms(code)}  {code}")
    return 0


def _commands(file: Path) -> list[str]:
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    return [row.get("command") or row.get("bash") or row["bash_code"] for row in rows]


def _process_ms(code: str) -> str:
    times = []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append((time.perf_counter() - began) * 1000)
    return f"{statistics.median(times):6.1f} ({min(times):.1f})"


if __name__ == "__main__":
    sys.exit(main())
