"""Measure again what the documents' tables show. docs/QUALITY.md says which command makes which.

    python benchmarks/quality.py                         all of it: most of a day on two cores
    python benchmarks/quality.py documents guard         only these groups
    python benchmarks/quality.py --list                  the table of docs/QUALITY.md

What a command prints goes to build/quality/<name>.txt; stages leave their artifacts where they
always do, and some commands renew a file of the repository in place (`git diff` then shows what
changed). A command that fails does not stop the others; the end status is 1 then. summary.md has
every command, how it ended and how long it took. Numbers are copied into the documents by a person
who has read them.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
OUT = ROOT / "build" / "quality"
GROUPS = ("documents", "guard", "judge", "data", "generator", "speed", "models", "training")
NO_TABLE = {
    "quality": "this one",
    "fuzz_guard": "looks for crashes",
    "service_abuse": "a part of service_load.py",
    "agents": "results/agents.md; needs the agents' own programs",
    "axolotl_schema": "a check that passes or fails",
    "option_tables": "makes a table of facts, from sources that are not in the repository",
}


class Measurement(NamedTuple):
    """One command, what it makes, and how long it took where that was measured."""

    name: str
    group: str
    shows: str
    command: str
    takes: str = "not measured"
    environment: str = ".venv"


MEASUREMENTS = (
    Measurement("schemas", "documents", "[schemas](schemas), in place",
                "python -m cli_tuner.records.schemas docs/schemas", "1 s"),
    Measurement("reference", "documents", "[CLI](CLI.md), in place",
                "python -m cli_tuner.cli.reference docs/CLI.md", "1 s"),
    Measurement("sessions", "documents", "[sessions](sessions), in place",
                "python benchmarks/record_sessions.py", "35 s"),
    Measurement("wheels", "documents",
                "`benchmarks/results/wheels.md`, in place; asks the package index",
                "python benchmarks/wheels.py --write"),
    Measurement("safety", "guard", "[SECURITY](SECURITY.md), both error rates",
                "python benchmarks/safety/run.py", "9 s"),
    Measurement("guard-report", "guard", "[EVALUATION](EVALUATION.md), the guard's gates",
                "cli-tuner run evaluate configs/evaluate/guard.yaml", "11 s"),
    Measurement("guard-latency", "guard", "the time of one verdict",
                "python benchmarks/guard_latency.py", "16 s"),
    Measurement("hook-latency", "guard", "[results/hook](../benchmarks/results/hook.md), in place",
                "python benchmarks/hook_latency.py --write", "1 minute"),
    Measurement("judge", "judge", "[EXECUTION](EXECUTION.md), `pairs.yaml` and two tasks",
                "python -m cli_tuner.evaluate.execution.validation"),
    Measurement("judge-unseen", "judge", "[EXECUTION](EXECUTION.md), `unseen.yaml`",
                "python -m cli_tuner.evaluate.execution.validation "
                "--pairs benchmarks/equivalence/unseen.yaml --crossed 0"),
    Measurement("judge-unseen3", "judge", "[EXECUTION](EXECUTION.md), `unseen3.yaml`",
                "python -m cli_tuner.evaluate.execution.validation "
                "--pairs benchmarks/equivalence/unseen3.yaml --crossed 0"),
    Measurement("judge-unseen4", "judge", "[EXECUTION](EXECUTION.md), `unseen4.yaml`",
                "python -m cli_tuner.evaluate.execution.validation "
                "--pairs benchmarks/equivalence/unseen4.yaml --crossed 0"),
    Measurement("data-nl2bash", "data", "[DATA](DATA.md), nl2bash",
                "cli-tuner run data configs/data/nl2bash.yaml", "54 s"),
    Measurement("data-train", "data", "[DATA](DATA.md), the training set",
                "cli-tuner run data configs/data/train-v2.yaml", "4 minutes"),
    Measurement("data-syntax", "data", "[DATA](DATA.md), `bash -n` and ShellCheck",
                "python benchmarks/data_syntax.py datasets/nl2bash_full.jsonl.zst --workers 2",
                "14 s"),
    Measurement("data-memory", "data", "[DATA](DATA.md), memory",
                "python benchmarks/data_memory.py --rows 300000 --main-only", "8 minutes"),
    Measurement("generator", "generator", "[GENERATOR](GENERATOR.md), in place",
                "python -m cli_tuner.data.generate.proof --write docs/GENERATOR.md",
                "83 minutes"),
    Measurement("latency", "speed",
                "[README](../README.md) and [results/latency](../benchmarks/results/latency.md), "
                "the latter in place",
                "python benchmarks/latency.py"),
    Measurement("service", "speed", "[SERVICE](SERVICE.md), measured",
                "python benchmarks/service_load.py all --minutes 10 "
                "--out benchmarks/results/service.json"),
    Measurement("scaling", "speed", "[SCALING](SCALING.md), in place",
                "python benchmarks/scaling.py --write"),
    Measurement("stranger", "speed",
                "[results/walkthrough](../benchmarks/results/walkthrough.md), in place",
                "python benchmarks/stranger.py", "26 minutes"),
    Measurement("cold-start", "speed",
                "[QUANTIZATION](QUANTIZATION.md), the first answer, stage by stage",
                "python benchmarks/cold_start.py fast+none fast-trimmed+none --runs 5 "
                "--out build/quality/cold-start"),
    Measurement("fast", "models", "[EVALUATION](EVALUATION.md), `fast` untuned",
                "cli-tuner run evaluate configs/evaluate/fast-all.yaml"),
    Measurement("balanced", "models", "[EVALUATION](EVALUATION.md), `balanced` untuned",
                "cli-tuner run evaluate configs/evaluate/balanced-all.yaml"),
    Measurement("fast-v2", "models",
                "[EVALUATION](EVALUATION.md), `fast` with its earlier adapter",
                "cli-tuner run evaluate configs/evaluate/fast-v2.yaml"),
    Measurement("fast-v3", "models", "[EVALUATION](EVALUATION.md), `fast` with its adapter",
                "cli-tuner run evaluate configs/evaluate/fast-v3.yaml"),
    Measurement("balanced-v3", "models",
                "[EVALUATION](EVALUATION.md), `balanced` with its earlier adapter",
                "cli-tuner run evaluate configs/evaluate/balanced-v3.yaml"),
    Measurement("balanced-v4", "models",
                "[EVALUATION](EVALUATION.md), `balanced` with its adapter",
                "cli-tuner run evaluate configs/evaluate/balanced-v4.yaml"),
    Measurement("tables", "models", "[EVALUATION](EVALUATION.md), these five, in place",
                "python -m cli_tuner.evaluate.tables evaluation/fast-all evaluation/fast-v2 "
                "evaluation/balanced-all evaluation/balanced-v3 evaluation/balanced-v4 "
                "--into docs/EVALUATION.md"),
    Measurement("tables-fast", "models", "[results/fast](results/fast.md), in place",
                "python -m cli_tuner.evaluate.tables evaluation/fast-all evaluation/fast-v3 "
                "--into docs/results/fast.md"),
    Measurement("compare-fast", "models", "[EVALUATION](EVALUATION.md), McNemar",
                "cli-tuner run compare evaluation/fast-all evaluation/fast-v3"),
    Measurement("compare-balanced", "models", "[EVALUATION](EVALUATION.md), McNemar",
                "cli-tuner run compare evaluation/balanced-all evaluation/balanced-v4"),
    Measurement("candidates", "models", "[log](log.md), `-n 4` beside the greedy answer",
                "python benchmarks/candidates.py datasets/dev.jsonl.zst --model fast -n 4 "
                "--keep build/quality/candidates.jsonl"),
    Measurement("trimmed", "models", "[log](log.md), a vocabulary with fewer tokens",
                "python benchmarks/trimmed_vocabulary.py fast+none fast-trimmed+none "
                "--out build/quality/trimmed"),
    Measurement("general", "models", "[EVALUATION](EVALUATION.md), general benchmarks",
                "cli-tuner run evaluate configs/evaluate/fast-general.yaml",
                environment=".venv-lmeval"),
    Measurement("train-speed", "training", "[TRAINING](TRAINING.md), speed",
                "python benchmarks/train_speed.py --base fast --data data/processed/train-v2",
                environment=".venv-train"),
    Measurement("recipe", "training",
                "[TRAINING](TRAINING.md) and [results/recipe](../benchmarks/results/recipe.md), "
                "the latter in place",
                "python benchmarks/recipe.py configs/train/fast-v3.yaml --write",
                "25 minutes", ".venv-train"),
    Measurement("train-smoke", "training", "[TRAINING](TRAINING.md), the smoke run",
                "python benchmarks/train_smoke.py", "2 minutes", ".venv-train"),
    Measurement("parity", "training", "[TRAINING](TRAINING.md), PyTorch beside llama.cpp",
                "python benchmarks/adapter_parity.py runs/fast-v3 --data data/processed/train-v4 "
                "--prompts 100", environment=".venv-train"),
    Measurement("quantized", "training", "[QUANTIZATION](QUANTIZATION.md), files of the 0.5B",
                "cli-tuner run quantize configs/quantize/fast-v2.yaml", "4 minutes"),
    Measurement("quantized-balanced", "training", "[QUANTIZATION](QUANTIZATION.md), of the 1.5B",
                "cli-tuner run quantize configs/quantize/balanced-v3.yaml", "8 minutes"),
    Measurement("pages", "training", "[QUANTIZATION](QUANTIZATION.md), huge pages",
                "python benchmarks/engine.py before=balanced,mapped=on after=balanced "
                "--out build/quality/pages", "2 minutes"),
    Measurement("merged-parity", "training", "[QUANTIZATION](QUANTIZATION.md), the same model",
                "python benchmarks/merged_parity.py quantized/fast-v2/fast-v2-f16.gguf --base fast "
                "--adapter models/adapters/fast-v2.gguf --data data/processed/train-v3",
                "10 minutes", ".venv-train"),
    Measurement("engine-fast", "training", "[QUANTIZATION](QUANTIZATION.md), speed, 0.5B",
                "python benchmarks/engine.py before=fast,mapped=on adapter=fast base=fast+none "
                "trimmed=fast-trimmed q4_k_m=quantized/fast-v2/fast-v2-q4_k_m.gguf "
                "f16=quantized/fast-v2/fast-v2-f16.gguf --rounds 1 "
                "--out build/quality/engine-fast", "2 minutes"),
    Measurement("engine-balanced", "training", "[QUANTIZATION](QUANTIZATION.md), speed, 1.5B",
                "python benchmarks/engine.py before=balanced,mapped=on adapter=balanced "
                "base=balanced+none trimmed=balanced-trimmed "
                "q4_k_m=quantized/balanced-v3/balanced-v3-q4_k_m.gguf "
                "f16=quantized/balanced-v3/balanced-v3-f16.gguf --rounds 1 "
                "--out build/quality/engine-balanced", "4 minutes"),
    Measurement("quantized-quality", "training", "[QUANTIZATION](QUANTIZATION.md), one file",
                "cli-tuner run evaluate configs/evaluate/quantized.yaml "
                "--model quantized/fast-v2/fast-v2-q4_k_m.gguf --set name=fast-q4_k_m",
                "5 minutes"),
    Measurement("quantization", "training", "[QUANTIZATION](QUANTIZATION.md), in place",
                "python benchmarks/quantization.py balanced=build/quality/engine-balanced "
                "fast=build/quality/engine-fast "
                "--into docs/QUANTIZATION.md --plot docs/plots/quantization.png", "2 s"),
)  # fmt: skip


def table() -> str:
    """The rows of docs/QUALITY.md."""
    lines = ["| group | shown in | command | takes |", "|---|---|---|---|"]
    for one in MEASUREMENTS:
        where = "" if one.environment == ".venv" else f" (in `{one.environment}`)"
        lines.append(f"| {one.group} | {one.shows} | `{one.command}`{where} | {one.takes} |")
    return "\n".join(lines)


def environment_of(one: Measurement) -> Path:
    """The folder of the programs that a command is to find first."""
    return ROOT / one.environment / "bin"


def measure(one: Measurement) -> tuple[str, float]:
    """Run one command; how it ended, in a word or two, and the seconds it took."""
    folder = environment_of(one)
    if not folder.is_dir():
        return f"not run: {one.environment} is not there", 0.0
    environ = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    began = time.monotonic()
    with (OUT / f"{one.name}.txt").open("w", encoding="utf-8") as said:
        said.write(f"$ {one.command}\n")
        said.flush()
        ended = subprocess.run(
            shlex.split(one.command), cwd=ROOT, env=environ, stdout=said, stderr=said, check=False
        )
    status = "ok" if ended.returncode == 0 else f"status {ended.returncode}"
    return status, time.monotonic() - began


def main(arguments: list[str]) -> int:
    """Measure, say how each command ended, and write the summary."""
    parser = argparse.ArgumentParser(description="Measure again what the documents show.")
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], default=[])
    parser.add_argument("--list", action="store_true", help="print the table of docs/QUALITY.md")
    given = parser.parse_args(arguments)
    if given.list:
        print(table())
        return 0
    OUT.mkdir(parents=True, exist_ok=True)
    rows = ["| measurement | ended | seconds |", "|---|---|---|"]
    for one in MEASUREMENTS:
        if given.groups and one.group not in given.groups:
            continue
        status, seconds = measure(one)
        rows.append(f"| {one.name} | {status} | {seconds:.0f} |")
        print(f"{one.name:18} {seconds:8.0f} s  {status}", flush=True)
        (OUT / "summary.md").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return 0 if all("| ok |" in row for row in rows[2:]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
