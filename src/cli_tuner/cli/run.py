"""`cli-tuner run <stage> <config.yaml>`: one shape for every stage, and a bar while it works."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cli_tuner.artifacts import Artifact, load_config, run_stage
from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import UsageError
from cli_tuner.settings import load_settings

STAGES = {
    "data": "cli_tuner.data.stage",
    "train": "cli_tuner.train.stage",
    "evaluate": "cli_tuner.evaluate.stage",
    "quantize": "cli_tuner.quantize.stage",
}
_FLAGS = {
    "engine": ("train", "engine"),
    "model": ("evaluate", "model.reference"),
    "backend": ("evaluate", "model.backend"),
}
"""Flag -> the stage that has it, and the key of its configuration that it sets."""


def run(given: argparse.Namespace) -> int:
    """Run the stage; stdout gets the folder of what it made."""
    screen = Screen(load_settings({"color": given.color}).color)
    if given.stage == "compare":
        return _compare(given)
    if len(given.config) > 1:
        raise UsageError(f"run {given.stage} takes one configuration")
    stage = import_module(STAGES[given.stage]).STAGE
    config = load_config(Path(given.config[0]), stage.config, _changes(given))
    if given.out is not None:
        config = config.model_copy(update={"output": given.out})
    with _Bar(screen) as bar:
        artifact, summary = run_stage(stage, config, bar)
    if given.json:
        sys.stdout.write(f"{json.dumps(_document(artifact, summary))}\n")
        return 0
    for line in summary:
        screen.line(f"  {visible(line)}")
    screen.line(f"  {artifact.address[:16]} · {artifact.provenance['seconds']:g} s")
    sys.stdout.write(f"{artifact.folder}\n")
    return 0


def _changes(given: argparse.Namespace) -> list[str]:
    """What the flags change in the configuration."""
    changes = list(given.changes)
    for flag, (stage, key) in _FLAGS.items():
        value = getattr(given, flag)
        if value is None:
            continue
        if stage != given.stage:
            raise UsageError(f"--{flag} belongs to run {stage}")
        changes.append(f"{key}={json.dumps(value)}")
    return changes


def _compare(given: argparse.Namespace) -> int:
    """Two evaluations, pair by pair: Markdown or JSON on stdout, both into --out."""
    from cli_tuner.evaluate.comparison import compare, written

    if len(given.config) != 2:
        raise UsageError("run compare takes the folders of two evaluations")
    if given.changes or given.engine or given.model or given.backend:
        raise UsageError("run compare takes two folders and --out")
    found = compare(Path(given.config[0]), Path(given.config[1]))
    document, text = json.dumps(found.as_json(), ensure_ascii=False), written(found)
    if given.out is not None:
        folder = Path(given.out)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "comparison.json").write_text(f"{document}\n", encoding="utf-8")
        (folder / "comparison.md").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{document}\n" if given.json else text)
    return 0


def _document(artifact: Artifact, summary: tuple[str, ...]) -> dict[str, Any]:
    return {
        "schema_version": "1",
        "folder": str(artifact.folder),
        "address": artifact.address,
        "seconds": artifact.provenance["seconds"],
        "summary": list(summary),
    }


class _Bar:
    """The steps on stderr: a bar on a terminal, a line for each step elsewhere."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
                transient=True,
                speed_estimate_period=600,
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, name: str, total: int | None = None) -> None:
        """A step begins."""
        if self._bar is None:
            self._screen.line(f"  {visible(name)}")
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(visible(name), total=total, note="")

    def advance(self, count: int = 1) -> None:
        """So many more items are done."""
        if self._bar is not None:
            self._bar.update(self._task, advance=count)

    def note(self, text: str, *, keep: bool = False) -> None:
        """Something about the step."""
        if keep:
            self._screen.line(f"  {visible(text)}")
        elif self._bar is not None:
            self._bar.update(self._task, note=visible(text))
