"""The portable engine: one process, one CPU or GPU, nothing but PyTorch."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from cli_tuner.artifacts import Made, Progress
from cli_tuner.artifacts.provenance import now
from cli_tuner.artifacts.stage import identity_of
from cli_tuner.errors import TrainingError
from cli_tuner.settings import Paths
from cli_tuner.train.base import Frozen, find_base
from cli_tuner.train.checkpoint import State, load
from cli_tuner.train.config import TrainConfig
from cli_tuner.train.dev import Validation
from cli_tuner.train.examples import read_examples
from cli_tuner.train.export import write_peft
from cli_tuner.train.loop import Done, Training
from cli_tuner.train.lora import Adapter
from cli_tuner.train.model import Architecture, Qwen2
from cli_tuner.train.record import hardware
from cli_tuner.train.result import Finished, write_result
from cli_tuner.train.start import Start, find_start
from cli_tuner.train.track import METRICS, Tracker, read_rows, wandb_run
from cli_tuner.train.usage import bfloat16_products

SLOW = "this processor has no bfloat16 products: --set precision=float32 is several times as fast"


def train_with_torch(config: TrainConfig, work: Path, folder: Path, progress: Progress) -> Made:
    """Begin or go on with the run in `work`; when it is finished, write its result to `folder`.

    Raises TrainingPaused when the sitting's time is up, TrainingError if it cannot go on.
    """
    progress.step("read the base and the data")
    paths = Paths.of()
    base = find_base(config.base, config.sitting.base_file, paths, progress)
    start = None if config.lora.start is None else find_start(config.lora.start, paths)
    tokenizer = Tokenizer.from_file(str(base.folder / "tokenizer.json"))
    examples = read_examples(config.data, config.seed, tokenizer)
    work.mkdir(parents=True, exist_ok=True)
    begin = State(
        identity_of(config),
        examples.facts["files"]["train"]["sha256"],
        base.sha256,
        tracking_id=secrets.token_hex(4),
        began_at=now(),
    )
    state, tensors = load(work, begin)
    progress.step(f"load {base.name}")
    device = _device(config)
    if device == "cpu" and config.precision == "bfloat16" and bfloat16_products() is False:
        progress.note(SLOW, keep=True)
    model = load_model(config, base, device, start)
    plain = config.model_dump(mode="json", exclude=set(config.operational))
    run = wandb_run(config.sitting, work, config.name, state.tracking_id, plain)
    tracker = Tracker(work, state.step if tensors else -1, run)
    validation = Validation.of(config, model, tokenizer, examples)
    try:
        done = Training(config, validation, examples, tracker, progress).run(state, tensors)
    finally:
        tracker.close()
    progress.step("write")
    facts = {
        "wandb_run_id": done.state.tracking_id if run is not None else None,
        "hardware": hardware(device),
        "start": None if start is None else {"name": start.name, "sha256": start.sha256},
        **_facts(config, done),
    }
    write_peft(model.adapter, base.repo or base.name, folder / "peft")
    metrics = list(read_rows(work / METRICS))
    answers = [{**asdict(one), "exact": one.exact} for one in done.answers]
    pairs = model.adapter.pairs()
    return write_result(
        config, Finished(base, examples.facts, pairs, metrics, answers, facts), folder
    )


def load_model(config: TrainConfig, base: Frozen, device: str, start: Start | None = None) -> Qwen2:
    """The base on the device with a fresh adapter, or with the values of `start`."""
    if config.sitting.threads:
        torch.set_num_threads(config.sitting.threads)
    shape = Architecture.of(base.folder)
    adapter = Adapter(shape.shapes, shape.layers, config.lora, device, config.seed)
    if start is not None:
        start.put_on(adapter, base)
    return Qwen2(base.folder, adapter, device, getattr(torch, config.precision))


def _device(config: TrainConfig) -> str:
    wanted = config.sitting.device
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise TrainingError("PyTorch sees no GPU here", hint="use --set sitting.device=cpu")
    return wanted


def _facts(config: TrainConfig, done: Done) -> dict[str, Any]:
    state = done.state
    return {
        "steps": state.step,
        "steps_planned": done.steps,
        "chosen_step": state.step if config.evaluation.choose == "last" else state.best_step,
        "stopped_early": state.stopped,
        "tokens": state.tokens,
        "seconds": round(state.seconds),
        "sittings": state.sittings,
        "began_at": state.began_at,
    }
