"""The engine for large bases: Axolotl's own program, its result taken over into our artifact."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Made, Progress
from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.artifacts.provenance import now
from cli_tuner.errors import TrainingError
from cli_tuner.settings import Paths
from cli_tuner.train.axolotl import rendered
from cli_tuner.train.base import find_base
from cli_tuner.train.config import TrainConfig
from cli_tuner.train.export import read_peft
from cli_tuner.train.preflight import preflight
from cli_tuner.train.record import hardware
from cli_tuner.train.result import Finished, write_result

_NAMES = {
    "loss": "loss",
    "learning_rate": "learning_rate",
    "grad_norm": "gradient_norm",
    "eval_loss": "dev_loss",
}
"""What transformers' trainer calls it, and what we do."""


def train_with_axolotl(config: TrainConfig, work: Path, folder: Path, progress: Progress) -> Made:
    """Run `axolotl train` in `work`, going on from its last checkpoint, and take its adapter.

    Raises TrainingError if the machine is not fit for it or Axolotl fails, ExtraMissing without it.
    """
    files = {name: Path(config.data.folder) / f"{name}.jsonl" for name in ("train", "validation")}
    for path in files.values():
        if not path.is_file():
            raise TrainingError(f"there is no {path}", hint="make it with: cli-tuner run data")
    work.mkdir(parents=True, exist_ok=True)
    checked = preflight(config, work, progress)
    output = work / "axolotl"
    settings = work / "axolotl.yaml"
    settings.write_text(rendered(_absolute(config), config.name, str(output.absolute())), "utf-8")
    began, clock = now(), time.monotonic()
    progress.step("axolotl train")
    _run(config, settings)
    metrics = _metrics(output)
    base = find_base(config.base, None, Paths.of(), progress)
    data = {
        "folder": Path(config.data.folder).name,
        "files": {
            name: {"file": path.name, "sha256": sha256_of_file(path)}
            for name, path in files.items()
        },
    }
    steps = max((row["step"] for row in metrics), default=0)
    facts = {
        "wandb_run_id": _wandb_id(work),
        "hardware": hardware("cuda"),
        "preflight": checked,
        "steps": steps,
        "chosen_step": steps,
        "seconds": round(time.monotonic() - clock),
        "began_at": began,
    }
    return write_result(config, Finished(base, data, read_peft(output), metrics, [], facts), folder)


def _absolute(config: TrainConfig) -> TrainConfig:
    """Axolotl runs in the run's own folder."""
    data = config.data.model_copy(update={"folder": str(Path(config.data.folder).absolute())})
    return config.model_copy(update={"data": data, "output": str(Path(config.output).absolute())})


def _run(config: TrainConfig, settings: Path) -> None:
    """The program writes to our own terminal. The run's folder is where W&B keeps its files."""
    command = ["axolotl", "train", settings.name]
    if config.axolotl.gpus == 1:
        command += ["--launcher", "python"]
    else:
        command += ["--launcher", "accelerate", "--", f"--num_processes={config.axolotl.gpus}"]
    ended = subprocess.run(command, cwd=settings.parent, check=False)
    if ended.returncode != 0:
        raise TrainingError(
            f"axolotl ended with status {ended.returncode}",
            hint="see what it wrote; the same command goes on from its last checkpoint",
        )


def _metrics(output: Path) -> list[dict[str, Any]]:
    """The trainer's log, by step, in our names."""
    states = [output / "trainer_state.json", *output.glob("checkpoint-*/trainer_state.json")]
    histories = [
        json.loads(path.read_text(encoding="utf-8"))["log_history"]
        for path in states
        if path.is_file()
    ]
    longest: list[dict[str, Any]] = max(histories, key=len, default=[])
    rows = [
        {"step": row["step"], **{_NAMES[key]: row[key] for key in row if key in _NAMES}}
        for row in longest
    ]
    return [row for row in rows if len(row) > 1]


def _wandb_id(work: Path) -> str | None:
    """The id of the newest run that Weights & Biases kept here: ...run-<time>-<id>."""
    runs = sorted(work.glob("wandb/*run-*"), key=lambda path: path.stat().st_mtime)
    return runs[-1].name.rpartition("-")[2] if runs else None
