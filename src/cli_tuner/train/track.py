"""What a run says while it goes: files that anybody can read, and Weights & Biases.

metrics.jsonl    by step: loss, learning rate, gradient norm; evaluations. The same run gives
                 the same file.
speed.jsonl      by step: seconds, tokens per second, memory, a GPU's utilisation. It never does.
wandb/           the run as `wandb sync` uploads it
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import require
from cli_tuner.errors import TrainingError
from cli_tuner.train.config import Sitting

METRICS, SPEED = "metrics.jsonl", "speed.jsonl"


class Tracker:
    """Appends to the files and passes everything on. Steps count what is done."""

    def __init__(self, folder: Path, done_steps: int, wandb_run: Any = None) -> None:
        """Go on after so many steps: what was written beyond them is taken back. -1: begin."""
        self.folder, self._wandb = folder, wandb_run
        for name in (METRICS, SPEED):
            kept = [row for row in read_rows(folder / name) if row["step"] <= done_steps]
            text = "".join(f"{json.dumps(row)}\n" for row in kept)
            scratch = folder / f".{name}"
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(folder / name)
        self._metrics = (folder / METRICS).open("a", encoding="utf-8", buffering=1)
        self._speed = (folder / SPEED).open("a", encoding="utf-8", buffering=1)

    def learned(self, step: int, **values: float) -> None:
        """What a step or an evaluation gave."""
        self._metrics.write(f"{json.dumps({'step': step, **values})}\n")
        self._pass_on(step, values)

    def worked(self, step: int, **values: float) -> None:
        """What a step cost."""
        rounded = {name: round(value, 3) for name, value in values.items()}
        self._speed.write(f"{json.dumps({'step': step, **rounded})}\n")
        self._pass_on(step, rounded)

    def showed(self, step: int, rows: list[dict[str, Any]]) -> None:
        """Answers in full."""
        if self._wandb is None or not rows:
            return
        table = require("wandb", "train").Table(columns=list(rows[0]))
        for row in rows:
            table.add_data(*row.values())
        self._wandb.log({"answers": table, "step": step})

    def _pass_on(self, step: int, values: dict[str, float]) -> None:
        if self._wandb is not None:
            self._wandb.log({**values, "step": step})

    def close(self) -> None:
        """Finish the files and the run."""
        self._metrics.close()
        self._speed.close()
        if self._wandb is not None:
            self._wandb.finish()


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file; the last line of a killed run may be half a line and is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                return


def wandb_run(
    sitting: Sitting, folder: Path, name: str, run_id: str, config: dict[str, Any]
) -> Any:
    """The run in Weights & Biases, begun or continued; None if it is not wanted.

    Raises ExtraMissing without the package, TrainingError if the service refuses.
    """
    if sitting.tracking == "off":
        return None
    wandb = require("wandb", "train")
    try:
        run = wandb.init(
            project=sitting.project,
            entity=os.environ.get("WANDB_ENTITY") or None,
            id=run_id,
            name=name,
            resume="allow",
            mode=sitting.tracking,
            dir=str(folder),
            config=config,
            settings=wandb.Settings(silent=True, console="off", save_code=False),
        )
        run.define_metric("step")
        run.define_metric("*", step_metric="step")
    except Exception as error:
        raise TrainingError(
            f"Weights & Biases: {error}", hint="use --set sitting.tracking=offline"
        ) from error
    return run
