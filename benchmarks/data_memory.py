"""How much memory and time the data stage takes for a million rows.

    python benchmarks/data_memory.py --rows 1000000 --model path/to/qwen.gguf

Makes a synthetic file with the proportions of a real set (templates by Zipf's law, requests with
rare words, a tenth exact duplicates, a tenth near duplicates, some broken and dangerous rows),
runs the stage on it in a process of its own, and prints the largest resident memory of that
process and of its workers, summed, sampled every half second.

`--main-only` measures the one process whose memory grows with the rows in a tenth of the time: one
worker, in the same process, in which bash, ShellCheck, the guard and the tokenizer always pass.
What a worker itself needs does not depend on the number of rows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VERBS = "find list show print count remove copy move archive compress sort search rename".split()
NOUNS = "files directories logs lines processes images scripts backups reports packages".split()
ENDINGS = "txt log py c jpg csv json conf sh md html xml sql tar gz".split()
PROGRAMS = (
    "find {dir} -type f -name '*.{end}' -size +{n}k",
    "find {dir} -mtime -{n} -name '{word}*.{end}'",
    "grep -rn '{word}' {dir}",
    "tar -czf {word}.tar.gz {dir}",
    "ls -lS {dir} | head -n {n}",
    "sort -k{k} -t, {word}.{end} | uniq -c",
    "awk -F, '{{print ${k}}}' {word}.{end}",
    "sed -n '{n},{m}p' {word}.{end}",
    "du -sh {dir} | sort -h | tail -n {n}",
    "cp -r {dir} /backup/{word}",
    "wc -l {word}.{end}",
    "head -n {n} {word}.{end}",
    "chmod 644 {dir}/{word}.{end}",
    "rsync -av {dir} host{n}:{word}",
    "cut -d, -f{k} {word}.{end} | sort -u",
)
FLAGS = "-a -b -c -d -e -f -g -h -i -k -l -m -n -o -p -q -r -s -t -u -v -w -x -z".split()


def rows(count: int, seed: int):
    """Pairs, most of them different."""
    dice = random.Random(seed)
    last: tuple[str, str] = ("", "")
    for number in range(count):
        kind = dice.random()
        if number and kind < 0.1:
            yield last
            continue
        if number and kind < 0.2:
            yield last[0] + " please", last[1]
            continue
        word = f"{dice.choice(NOUNS)}{dice.randrange(count)}"
        place = f"/{dice.choice(('srv', 'home', 'data'))}/p{dice.randrange(20_000)}"
        end, n, k = dice.choice(ENDINGS), dice.randrange(1, 900), dice.randrange(1, 9)
        shape = min(int(dice.paretovariate(0.9)) - 1, 100_000)
        command = PROGRAMS[shape % len(PROGRAMS)].format(
            dir=place, word=word, end=end, n=n, m=n + k, k=k
        )
        if shape >= len(PROGRAMS):  # a long tail of rare skeletons
            extra = [FLAGS[(shape >> bits) % len(FLAGS)] for bits in (0, 3, 6)]
            command = f"tool{shape} {' '.join(dict.fromkeys(extra))} {word}"
        if kind > 0.999:
            command = "rm -rf /" if kind > 0.9995 else f"echo '{word}"
        purpose = f"{dice.choice(VERBS)} {dice.choice(NOUNS)} {word} with {end} in {place}"
        last = (f"{purpose} taking {n} of them at {shape} by column {k}", command)
        yield last


def resident_bytes(root: int) -> int:
    """The resident memory of a process and everything below it."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,rss="], capture_output=True, text=True, check=True
    ).stdout
    table = [tuple(map(int, line.split())) for line in listed.splitlines()]
    family = {root}
    for _ in range(4):
        family |= {pid for pid, parent, _ in table if parent in family}
    return sum(size for pid, _, size in table if pid in family) * 1024


class Passing:
    """A guard, a verdict, a level and a tokenizer that let everything through."""

    value = "safe"
    level = property(lambda self: self)
    ids = property(lambda self: [0] * 8)

    def __call__(self, text: str) -> Passing:
        """Whatever is asked about, itself."""
        return self

    encode = __call__


def run_main_only(config: str) -> None:
    """Run the stage with every check of the workers passing."""
    import cli_tuner.guard
    from cli_tuner.cli.main import main as program
    from cli_tuner.data import examine, stage

    cli_tuner.guard.check = Passing()
    examine.faults_of = lambda commands: [""] * len(commands)
    stage.prepare = lambda model: examine._LOADED.append(Passing())
    sys.exit(program(["run", "data", config, "--set", "workers=1"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--model", default="fast", help="whose vocabulary counts the tokens")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--main-only", action="store_true", help="only what grows with the rows")
    parser.add_argument("--config", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.config:
        run_main_only(given.config)
    with tempfile.TemporaryDirectory(prefix="cli-tuner-memory-") as folder:
        source = Path(folder) / "rows.jsonl"
        with source.open("w", encoding="utf-8") as file:
            for query, command in rows(given.rows, seed=1):
                file.write(json.dumps({"query": query, "command": command}) + "\n")
        config = Path(folder) / "memory.yaml"
        config.write_text(
            f"name: memory\noutput: {folder}/out\ntokenizer: {given.model}\n"
            f"workers: {given.workers}\nexpected: {{at_least: 1, at_most: {given.rows}}}\n"
            f"sources:\n  - {{kind: file, name: synthetic, path: {source}, license: CC0-1.0}}\n"
        )
        print(f"{given.rows:,} rows, {source.stat().st_size / 1e6:.0f} MB", file=sys.stderr)
        started = time.monotonic()
        command = [sys.executable, "-m", "cli_tuner", "run", "data", str(config)]
        if given.main_only:
            command = [sys.executable, __file__, "--config", str(config)]
        child = subprocess.Popen(command)
        most = 0
        while child.poll() is None:
            most = max(most, resident_bytes(child.pid))
            time.sleep(0.5)
        seconds = time.monotonic() - started
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        report = Path(folder) / "out" / "memory" / "report.json"
        steps = json.loads(report.read_text())["steps"] if report.exists() else []
        print(
            json.dumps(
                {
                    "rows": given.rows,
                    "main_only": given.main_only,
                    "cores": os.cpu_count(),
                    "seconds": round(seconds, 1),
                    "peak_gb_all_processes": round(most / 1e9, 2),
                    "peak_gb_one_process": round(largest / 1e9, 2),
                    "steps": {step["step"]: step["left"] for step in steps},
                }
            )
        )
    sys.exit(child.returncode)


if __name__ == "__main__":
    main()
