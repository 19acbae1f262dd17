"""`cli-tuner run train`: a frozen base and a data set in, an adapter with its record out.

<output>/<name>/                 the artifact, when the run is finished
  models/<name>.gguf             for llama.cpp
  models/provenance.json         what it came from
  peft/                          for transformers
  metrics.jsonl  curves.png  answers.jsonl
<output>/<name>.run/<identity>/  the run on its way: checkpoint, speed, W&B; it may be removed
                                 when the artifact is there
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from cli_tuner.artifacts import Artifact, Made, Progress, Stage
from cli_tuner.artifacts.stage import identity_of
from cli_tuner.errors import ExtraMissing
from cli_tuner.settings import Paths
from cli_tuner.train.config import TrainConfig
from cli_tuner.train.install import install
from cli_tuner.train.record import PACKAGES

TORCH = "2.13.0"


def make(config: TrainConfig, folder: Path, progress: Progress) -> Made:
    """Train, and write the result to an empty folder.

    Raises TrainingPaused when the sitting's time is up; the same configuration goes on later.
    """
    _check_packages()
    # Threads that wait by spinning halve each other's speed beside a neighbour, and a short spin
    # costs nothing when quiet (docs/log.md). libgomp reads this when PyTorch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    if config.engine == "axolotl":
        from cli_tuner.train.axolotl_run import train_with_axolotl

        return train_with_axolotl(config, run_folder(config), folder, progress)
    from cli_tuner.train.engine import train_with_torch

    return train_with_torch(config, run_folder(config), folder, progress)


def run_folder(config: TrainConfig) -> Path:
    """Where a run lives until it is finished, and its checkpoint afterwards."""
    return Path(config.output) / f"{config.name}.run" / identity_of(config)[:16]


def _check_packages() -> None:
    for package in ("safetensors", "tokenizers", "gguf", "matplotlib"):
        if find_spec(package) is None:
            raise ExtraMissing(
                f"the train stage needs the package {package}",
                hint="install it with: pip install 'cli-tuner[train]'",
            )
    if find_spec("torch") is None:
        raise ExtraMissing(
            "the train stage needs PyTorch, which no extra brings: the right build depends on "
            "the machine",
            hint=f"install it with: pip install torch=={TORCH}",
        )


def after(config: TrainConfig, artifact: Artifact) -> tuple[str, ...]:
    """Make the finished adapter usable here, if that is wanted and the catalogue has its base."""
    model = artifact.provenance["model"]
    if not (config.sitting.install and model["serves"]):
        return ()
    file = artifact.folder / "models" / model["adapter"]["file"]
    reference = install(file, model["serves"]["name"], model["serves"]["sha256"], Paths.of())
    return (f"use it with: cli-tuner generate --model {reference}",)


STAGE: Stage[TrainConfig] = Stage(
    name="train", config=TrainConfig, make=make, packages=PACKAGES, after=after
)
