"""Where a run stands, as one file that is replaced as a whole.

    checkpoint.safetensors    values, best, first_moment, second_moment: (n,) float32
    its metadata              everything else as JSON: the step, the best evaluation, the ids

There is no state of random generators in it: the order of the data and the dropped values are made
from the seed and the number of the step.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from cli_tuner.artifacts import require
from cli_tuner.errors import TrainingError

FILE = "checkpoint.safetensors"


@dataclass(frozen=True)
class State:
    """What a run knows besides its numbers. `step` steps are done."""

    identity: str
    """The configuration's digest."""
    data_sha256: str
    base_sha256: str
    step: int = 0
    best_step: int = -1
    best_score: float | None = None
    worse: int = 0
    """Evaluations since the best one."""
    stopped: bool = False
    """It stopped early."""
    seconds: float = 0.0
    """Of work, over all sittings."""
    tokens: int = 0
    sittings: int = 0
    tracking_id: str = ""
    began_at: str = ""

    def but(self, **changes: Any) -> State:
        """The same with changes."""
        return replace(self, **changes)


def save(folder: Path, state: State, tensors: dict[str, Tensor]) -> None:
    """Replace the checkpoint. Whatever happens meanwhile, an old or a new one is whole."""
    safetensors = require("safetensors.torch", "train")
    scratch = folder / f".{FILE}.{os.getpid()}"
    try:
        on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        safetensors.save_file(on_cpu, scratch, metadata={"state": json.dumps(asdict(state))})
        with scratch.open("rb") as file:
            os.fsync(file.fileno())
        scratch.replace(folder / FILE)
    except Exception as error:
        raise TrainingError(
            f"cannot write a checkpoint to {folder}: {error}",
            hint="make room there; the checkpoint before it is whole",
        ) from error
    finally:
        scratch.unlink(missing_ok=True)


def load(folder: Path, begin: State) -> tuple[State, dict[str, Tensor]]:
    """The checkpoint of a run that began like this; `begin` and no tensors if there is none.

    Raises TrainingError if it belongs to other data or another base, or is not readable.
    """
    path = folder / FILE
    if not path.exists():
        return begin, {}
    open_file = require("safetensors", "train").safe_open
    try:
        with open_file(path, framework="pt", device="cpu") as file:
            state = State(**json.loads(file.metadata()["state"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:
        raise TrainingError(
            f"{path} is not readable: {error}", hint="remove it to begin anew"
        ) from error
    for what in ("identity", "data_sha256", "base_sha256"):
        if getattr(state, what) != getattr(begin, what):
            raise TrainingError(
                f"{path} was made with another {what.partition('_')[0]}",
                hint="give the run another name, or remove it to begin anew",
            )
    return state, tensors
