"""What 10, 1,000 and 100,000 people need, computed from what was measured.

    python benchmarks/scaling.py            prints the tables
    python benchmarks/scaling.py --write    puts them into docs/SCALING.md

Measured: seconds of the engine for each of 20 answers (results/latency.json, by latency.py), and
the service's own CPU time and journal (results/service.json, by service_load.py). Assumed: how
often people ask, how full an engine may be, and what a GPU's endpoint writes. docs/SCALING.md says
all of it in words; a test holds its tables against this program.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "SCALING.md"
PEOPLE = (10, 1_000, 100_000)

# Assumed.
ASKS_A_DAY, CHECKS_A_DAY, BUSY_HOUR = 20, 300, 0.2
MOST_BUSY = 0.6
SPARE_FROM = 1_000
GPU_TOKENS_PER_S = (1_000, 5_000, 20_000)

# Measured: tokens of the 20 answers of `fast` in results/latency.json, the end token with them.
TOKENS_AN_ANSWER = 12.0
MODELS = ("fast", "balanced")


class Need(NamedTuple):
    """Engines of two cores, each as busy as `share`, where an answer waits `wait_s` on average."""

    engines: int
    share: float
    wait_s: float


def per_second(people: int, a_day: int) -> float:
    """Requests a second in the busiest hour."""
    return people * a_day * BUSY_HOUR / 3600


def engines(per_s: float, seconds: list[float]) -> Need:
    """How many engines that answer one at a time, each taking an equal share at random.

    Enough that none is busier than MOST_BUSY and that the mean wait, which Pollaczek and Khinchine
    give as rate * E[S^2] / (2 (1 - busy)), is no longer than an answer. A service that gives each
    request to the least loaded engine waits less.
    """
    mean, square = fmean(seconds), fmean(second**2 for second in seconds)
    count = max(1, math.ceil(per_s * mean / MOST_BUSY))
    while True:
        rate = per_s / count
        busy = rate * mean
        wait_s = rate * square / (2 * (1 - busy))
        if wait_s <= mean:
            return Need(count, busy, wait_s)
        count += 1


def spare(people: int) -> int:
    """One more of everything, so that one may fail or be replaced in the busiest hour."""
    return 1 if people >= SPARE_FROM else 0


def services(people: int, service: dict[str, Any]) -> int:
    """Processes of `cli-tuner serve`, by their own CPU time; a process uses one core."""
    spent = per_second(people, ASKS_A_DAY) * service["own"]["cpu_ms"] / 1000
    spent += per_second(people, CHECKS_A_DAY) * service["check"]["cpu_ms"] / 1000
    return max(1, math.ceil(spent / MOST_BUSY))


def gpus(per_s: float, tokens_per_s: float) -> int:
    """GPUs whose endpoint writes so many tokens a second in all, no busier than MOST_BUSY."""
    return max(1, math.ceil(per_s * TOKENS_AN_ANSWER / tokens_per_s / MOST_BUSY))


def measured() -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of the engine by model, and the service's numbers."""
    latency = json.loads((HERE / "results" / "latency.json").read_text())
    seconds = {
        model: [(one["prompt_ms"] + one["decode_ms"]) / 1000 for one in latency["warm"][model]]
        for model in MODELS
    }
    return seconds, json.loads((HERE / "results" / "service.json").read_text())


def tables() -> dict[str, str]:
    """The tables by name, as Markdown."""
    seconds, service = measured()
    heads = [f"{people:,} people" for people in PEOPLE]
    load = [
        ["answers a second in the busiest hour", *_rates(ASKS_A_DAY)],
        ["judgements a second", *_rates(CHECKS_A_DAY)],
    ]
    cpu = [
        [f"engines with `{model}`: {fmean(taken):.2f} s an answer", *_engines(taken)]
        for model, taken in seconds.items()
    ]
    cpu.append(
        ["service processes, one core each"]
        + [f"{services(people, service) + spare(people):,}" for people in PEOPLE]
    )
    cpu.append(["cores in all, with `balanced`", *_cores(seconds["balanced"], service)])
    bytes_a_day = service["own"]["journal_bytes"] * ASKS_A_DAY
    cpu.append(["journal a day", *[_size(people * bytes_a_day) for people in PEOPLE]])
    gpu = [[f"{tokens:,} tokens a second", *_gpus(tokens)] for tokens in GPU_TOKENS_PER_S]
    return {
        "load": _table(["", *heads], load),
        "cpu": _table(["", *heads], cpu),
        "gpu": _table(["a GPU's endpoint writes", *heads], gpu),
    }


def _rates(a_day: int) -> list[str]:
    return [f"{per_second(people, a_day):,.2f}" for people in PEOPLE]


def _need(people: int, seconds: list[float]) -> Need:
    return engines(per_second(people, ASKS_A_DAY), seconds)


def _engines(seconds: list[float]) -> list[str]:
    found = [(people, _need(people, seconds)) for people in PEOPLE]
    return [
        f"{need.engines + spare(people):,} ({need.share:.0%} busy, wait {need.wait_s:.2f} s)"
        for people, need in found
    ]


def _cores(seconds: list[float], service: dict[str, Any]) -> list[str]:
    return [
        f"{2 * _need(people, seconds).engines + services(people, service) + 3 * spare(people):,}"
        for people in PEOPLE
    ]


def _gpus(tokens: int) -> list[str]:
    return [
        f"{gpus(per_second(people, ASKS_A_DAY), tokens) + spare(people):,}" for people in PEOPLE
    ]


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _table(header: list[str], rows: list[list[str]]) -> str:
    rule = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def written(page: str) -> str:
    """The page with its tables renewed. Raises ValueError for one that has no place in it."""
    for name, table in tables().items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.S)
        page, count = mark.subn(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", page)
        if count != 1:
            raise ValueError(f"docs/SCALING.md has no place for the table {name}")
    return page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into docs/SCALING.md")
    if parser.parse_args().write:
        PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
    else:
        print("\n\n".join(tables().values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
