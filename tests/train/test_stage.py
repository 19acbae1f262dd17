from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="make train-test has it")
import torch

from cli_tuner.artifacts import open_artifact, run_stage
from cli_tuner.artifacts.stage import identity_of
from cli_tuner.errors import TrainingError, TrainingPaused
from cli_tuner.train import dev, loop
from cli_tuner.train.checkpoint import FILE, load
from cli_tuner.train.stage import STAGE, run_folder
from cli_tuner.train.track import read_rows


@pytest.fixture(autouse=True)
def _home(home, monkeypatch):
    monkeypatch.setenv("CLI_TUNER_HOME", str(home.config.parent))


def changed(config, **changes):
    """The configuration with values of nested sections replaced: sitting={...}."""
    document = config.model_dump()
    for section, values in changes.items():
        document[section] = {**document[section], **values} if isinstance(values, dict) else values
    return type(config).model_validate(document)


def metrics(folder):
    return list(read_rows(folder / "metrics.jsonl"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Filled by the first test that needs it, and where its run is."""
    return {"output": str(tmp_path_factory.mktemp("straight"))}


@pytest.fixture
def straight(whole, config):
    """The metrics, the adapter's bytes and the address of a run without a stop."""
    if "metrics" not in whole:
        artifact, _ = run_stage(STAGE, config.model_copy(update={"output": whole["output"]}))
        whole["metrics"] = metrics(artifact.folder)
        whole["adapter"] = (artifact.folder / "models" / "tiny.gguf").read_bytes()
        whole["address"] = artifact.address
    return whole


def test_the_loss_falls_and_everything_is_written(config):
    artifact, summary = run_stage(STAGE, config)
    rows = metrics(artifact.folder)
    losses = [row["loss"] for row in rows if "loss" in row]
    assert len(losses) == 16
    assert sum(losses[-4:]) < 0.7 * sum(losses[:4])
    assert sorted(artifact.digests) == [
        "answers.jsonl",
        "curves.png",
        "metrics.jsonl",
        "models/tiny.gguf",
        "peft/adapter_config.json",
        "peft/adapter_model.safetensors",
    ]
    record = json.loads((artifact.folder / "models" / "provenance.json").read_text())
    assert record == artifact.provenance["model"]
    assert record["adapter"]["sha256"] == artifact.digests["models/tiny.gguf"]
    assert record["data"]["files"]["train"]["rows"] == 32
    assert record["config_sha256"] == identity_of(config)
    assert "dev loss" in summary[1]
    open_artifact(artifact.folder)


def test_a_run_in_many_sittings_is_the_run_in_one(config, straight):
    short = changed(config, sitting={"max_minutes": 1e-6})
    sittings = 0
    while True:
        sittings += 1
        try:
            artifact, _ = run_stage(STAGE, short)
            break
        except TrainingPaused as paused:
            assert "run the same command again" in str(paused)
            assert not Path(config.output, "tiny").exists()
    assert sittings == 17
    assert metrics(artifact.folder) == straight["metrics"]
    assert (artifact.folder / "models" / "tiny.gguf").read_bytes() == straight["adapter"]
    assert artifact.address == straight["address"]


KILLED = """
import os, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from cli_tuner.artifacts import run_stage
from cli_tuner.train import dev, loop
from cli_tuner.train.config import TrainConfig
from cli_tuner.train.stage import STAGE

step, update = int(sys.argv[2]), loop.AdamW.update
def deadly(self, now, rate):
    update(self, now, rate)
    if now == step:
        os.kill(os.getpid(), 9)
loop.AdamW.update = deadly
run_stage(STAGE, TrainConfig.model_validate_json(Path(sys.argv[1]).read_text()))
"""


def test_a_killed_run_goes_on_as_if_nothing_had_happened(config, straight, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(config.model_dump_json())
    for step in (0, 5, 10):
        ended = subprocess.run([sys.executable, "-c", KILLED, file, str(step)], check=False)
        assert ended.returncode == -signal.SIGKILL
    artifact, _ = run_stage(STAGE, config)
    assert metrics(artifact.folder) == straight["metrics"]
    assert (artifact.folder / "models" / "tiny.gguf").read_bytes() == straight["adapter"]
    assert artifact.provenance["model"]["sittings"] > 1


def test_ctrl_c_ends_after_the_step_with_a_checkpoint(config, monkeypatch):
    update = loop.AdamW.update

    def interrupted(self, step, rate):
        update(self, step, rate)
        if step == 6:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.AdamW, "update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_stage(STAGE, config)
    state, _ = load(run_folder(config), begin_like(config))
    assert state.step == 7


def begin_like(config):
    from safetensors import safe_open

    from cli_tuner.train.checkpoint import State

    with safe_open(run_folder(config) / FILE, framework="pt") as file:
        return State(**json.loads(file.metadata()["state"]))


def test_how_the_work_is_divided_changes_nothing_but_rounding(config, straight):
    divided = changed(config, sitting={"micro_batch_tokens": 64, "recompute": True})
    assert identity_of(divided) == identity_of(config)
    artifact, _ = run_stage(STAGE, divided)
    for here, there in zip(metrics(artifact.folder), straight["metrics"], strict=True):
        if "loss" in here:
            assert here["loss"] == pytest.approx(there["loss"], rel=1e-3)


def test_other_data_are_another_run(config):
    with pytest.raises(TrainingPaused):
        run_stage(STAGE, changed(config, sitting={"max_minutes": 1e-6}))
    train = Path(config.data.folder) / "train.jsonl"
    before = train.read_text()
    try:
        train.write_text("".join(before.splitlines(keepends=True)[1:]))
        with pytest.raises(TrainingError, match="made with another data"):
            run_stage(STAGE, config)
    finally:
        train.write_text(before)


def test_a_loss_that_is_no_number_is_said_and_the_checkpoint_is_whole(config, monkeypatch):
    answer_loss = loop.answer_loss
    calls = iter(range(1000))

    def broken(hidden, head, targets):
        loss = answer_loss(hidden, head, targets)
        return loss * float("nan") if next(calls) > 4 else loss

    monkeypatch.setattr(loop, "answer_loss", broken)
    with pytest.raises(TrainingError, match=r"not a number.*checkpoint is from step 5") as error:
        run_stage(STAGE, changed(config, sitting={"checkpoint_steps": 1}))
    assert "learning_rate" in str(error.value)
    state, tensors = load(run_folder(config), begin_like(config))
    assert state.step == 5
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())


def test_a_lack_of_memory_is_said(config, monkeypatch):
    def full(*_):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(loop, "answer_loss", full)
    with pytest.raises(TrainingError, match="memory is full") as error:
        run_stage(STAGE, config)
    assert "micro_batch_tokens" in str(error.value)


def test_it_stops_early_when_nothing_gets_better(config, monkeypatch):
    losses = iter((5.0, 4.0, 4.1, 4.2, 4.05, 1.0))
    monkeypatch.setattr(dev.Validation, "loss", lambda _: next(losses))
    patient = changed(config, evaluation={"every_steps": 1, "patience": 3, "answer_rows": 0})
    artifact, _ = run_stage(STAGE, patient)
    record = artifact.provenance["model"]
    assert record["stopped_early"]
    assert (record["chosen_step"], record["steps"]) == (1, 4)


def test_the_last_adapter_can_be_chosen(config):
    artifact, _ = run_stage(STAGE, changed(config, evaluation={"choose": "last"}))
    assert artifact.provenance["model"]["chosen_step"] == 16


def test_a_folder_without_data_is_said(config):
    with pytest.raises(TrainingError, match=r"has no train\.jsonl"):
        run_stage(STAGE, changed(config, data={"folder": "nowhere"}))
