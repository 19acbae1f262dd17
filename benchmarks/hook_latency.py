"""How long an agent waits for `cli-tuner hook run`, as whole processes, and what it is told.

    python benchmarks/hook_latency.py [--write]

Every command of tests/hook/agent_commands.yaml is asked about once without and once with a
resident process (which holds the guard; no model is needed). --write renews results/hook.md.
"""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "tests" / "hook" / "agent_commands.yaml"
RESULT = ROOT / "benchmarks" / "results" / "hook.md"
STRENGTH = {"silent": 0, "ask": 1, "deny": 2}
SHAPES = {
    "here-documents": r"<<",
    "several lines": r"\n.*\S",
    "commit messages and pull requests": r"git commit\b.*-\w*m|gh pr create",
    "danger in quoted prose": r"""["'`].*(rm -rf|DROP TABLE|mkfs|shutdown|sudo rm).*["'`]""",
    "compound lines": r"&&|\|\||;|\|",
    "substitutions": r"\$\(|<\(|`",
}
PROGRAM = [str(Path(sys.executable).with_name("cli-tuner")), "hook", "run", "claude"]


class Asked(NamedTuple):
    """A command, what should be said about it, what is said, and after how many milliseconds."""

    command: str
    wanted: str
    told: str
    ms: float
    cpu_ms: float


def main() -> int:
    """Measure, print, and write if asked to."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["CLI_TUNER_HOME"] = home
        text = report()
    print(text)
    if "--write" in sys.argv:
        RESULT.write_text(text, encoding="utf-8")
    return 0


def report() -> str:
    """The result as Markdown."""
    from cli_tuner.backends.engine import Engine
    from cli_tuner.resident.serve import Resident
    from cli_tuner.settings import Paths, load_settings, private_folder

    ask("true")  # what is compiled once is compiled
    alone = measured()
    path = Engine.of(load_settings(), Paths.of()).socket_path
    private_folder(path.parent)
    server = Resident(path, load_settings().model, 1, 600.0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    ask("true")
    try:
        beside = measured()
    finally:
        server.finish()
        thread.join()
    lines = [
        "# What an agent waits for",
        "",
        "Milliseconds of whole `cli-tuner hook run` processes as the agent sees them; one run of",
        "each command in `tests/hook/agent_commands.yaml`. CPU is the median of the processor time",
        "that the process took, which is what it takes on a machine with nothing else to do.",
        f"The load of this machine was {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.",
        "Made by `benchmarks/hook_latency.py --write`.",
        "",
        "| told | commands | as expected | alone: median | p95 | worst | CPU"
        " | with the resident: median | p95 | worst | CPU |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for decision in [*alone, "all"]:
        rows = [
            [row for name, found in kind.items() if decision in (name, "all") for row in found]
            for kind in (alone, beside)
        ]
        right = sum(row.told == row.wanted for row in rows[0])
        times = " | ".join(map(_times, rows))
        lines.append(f"| {decision} | {len(rows[0])} | {right} | {times} |")
    lines += [
        "",
        *_wrong("alone", alone),
        *_wrong("with the resident", beside),
        "",
        *_shapes(alone),
    ]
    return "\n".join(lines) + "\n"


def measured() -> dict[str, list[Asked]]:
    """Every command of the table, by the decision that is expected."""
    table = yaml.safe_load(TABLE.read_text("utf-8"))
    return {
        decision: [Asked(command, decision, *ask(command)) for command in commands]
        for decision, commands in table.items()
    }


def _wrong(name: str, found: dict[str, list[Asked]]) -> Iterator[str]:
    """How many were stopped more than they should be, and how many less."""
    asked = [one for kind in found.values() for one in kind]
    tight = [one for one in asked if STRENGTH[one.told] > STRENGTH[one.wanted]]
    loose = [one for one in asked if STRENGTH[one.told] < STRENGTH[one.wanted]]
    yield f"- {name}: {len(tight)} false blocks, {len(loose)} misses of {len(asked)}"
    for one in tight + loose:
        yield f"  - {one.told} instead of {one.wanted}: `{one.command.splitlines()[0]}`"


def _shapes(found: dict[str, list[Asked]]) -> Iterator[str]:
    """How many commands of each shape there are, and how many of them were answered as expected."""
    asked = [one for kind in found.values() for one in kind]
    counts = []
    for name, pattern in SHAPES.items():
        alike = [one for one in asked if re.search(pattern, one.command, re.DOTALL)]
        right = sum(one.told == one.wanted for one in alike)
        counts.append(f"{name} {right} of {len(alike)}")
    yield f"As expected by shape, where a command may have several: {', '.join(counts)}."


def ask(command: str) -> tuple[str, float, float]:
    """What the hook says about a command, after how many milliseconds, and of the processor."""
    question = {
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "cwd": "/srv/app",
        "tool_input": {"command": command},
    }
    spent = _processor_s()
    began = time.perf_counter()
    done = subprocess.run(
        PROGRAM, input=json.dumps(question), capture_output=True, text=True, check=True
    )
    ms = (time.perf_counter() - began) * 1000
    cpu_ms = (_processor_s() - spent) * 1000
    if not done.stdout:
        return "silent", ms, cpu_ms
    return json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"], ms, cpu_ms


def _processor_s() -> float:
    """Seconds of processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _times(rows: list[Asked]) -> str:
    ordered = sorted(row.ms for row in rows)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    cpu = statistics.median(row.cpu_ms for row in rows)
    return f"{statistics.median(ordered):.0f} | {p95:.0f} | {ordered[-1]:.0f} | {cpu:.0f}"


if __name__ == "__main__":
    sys.exit(main())
