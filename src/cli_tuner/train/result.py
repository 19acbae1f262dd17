"""The artifact of a finished run, whatever engine made it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Made
from cli_tuner.train.base import Frozen
from cli_tuner.train.config import TrainConfig
from cli_tuner.train.curves import draw
from cli_tuner.train.export import Pairs, write_gguf
from cli_tuner.train.install import entry_name
from cli_tuner.train.record import USUAL_BYTES, model_record
from cli_tuner.train.track import METRICS

MODELS, RECORD, ANSWERS = "models", "provenance.json", "answers.jsonl"


@dataclass(frozen=True)
class Finished:
    """What an engine hands over: the adapter, its metrics by step, dev answers and facts."""

    base: Frozen
    data: dict[str, Any]
    pairs: Pairs
    metrics: Sequence[dict[str, Any]]
    answers: Sequence[dict[str, Any]]
    facts: dict[str, Any]


def write_result(config: TrainConfig, finished: Finished, folder: Path) -> Made:
    """Write the adapter, its record, metrics, curves and answers."""
    models = folder / MODELS
    models.mkdir()
    file = models / f"{entry_name(config.name)}.gguf"
    base = finished.base
    serves = base.serves[1] if base.serves else base.sha256
    write_gguf(finished.pairs, config.lora.alpha, serves, file)
    _write_lines(folder / METRICS, finished.metrics)
    _write_lines(folder / ANSWERS, finished.answers)
    draw(finished.metrics, f"{config.name} on {base.name}", folder / "curves.png")
    record = model_record(config, base, finished.data, file, finished.facts)
    text = json.dumps(record, indent=2, ensure_ascii=False)
    (models / RECORD).write_text(f"{text}\n", encoding="utf-8")
    return Made({"model": record}, _summary(record, finished.metrics))


def _write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _summary(record: dict[str, Any], rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    adapter, (low, high) = record["adapter"], USUAL_BYTES
    remark = "" if low <= adapter["bytes"] <= high else " (unusual: 10 to 50 MB is)"
    size = f"{adapter['file']}: {adapter['bytes'] / 1e6:.1f} MB{remark}"
    run = f"{record['steps']} steps in {record['seconds'] / 60:.0f} minutes; step "
    run += f"{record['chosen_step']} was chosen"
    return (run, *_progress(record["chosen_step"], rows), size)


def _progress(chosen_step: int, rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Before and after, if there was a look at the beginning."""
    looks = {row["step"]: row for row in rows if "dev_exact" in row}
    if len(looks) < 2:
        return ()
    first, chosen = looks[min(looks)], looks.get(chosen_step, looks[max(looks)])
    return (
        f"dev loss {first['dev_loss']:.3f} -> {chosen['dev_loss']:.3f}, "
        f"exact {first['dev_exact']:.1%} -> {chosen['dev_exact']:.1%}",
    )
