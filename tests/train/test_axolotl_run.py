from __future__ import annotations

import sys

import pytest

from cli_tuner.artifacts import SILENT, run_stage
from cli_tuner.errors import ExtraMissing, TrainingError
from cli_tuner.train.config import TrainConfig
from cli_tuner.train.preflight import preflight

FAKE = """#!{python}
import json, sys
from pathlib import Path
import torch, yaml
from safetensors.torch import save_file

assert sys.argv[1] == "train", sys.argv
config = yaml.safe_load(Path(sys.argv[2]).read_text())
assert Path(config["datasets"][0]["path"]).is_file()
out = Path(config["output_dir"])
if config["seed"] == 13:
    sys.exit(1)
out.mkdir(parents=True)
r = config["lora_r"]
key = "base_model.model.model.layers.1.self_attn.q_proj.lora_"
save_file({{key + "A.weight": torch.ones(r, 64), key + "B.weight": torch.ones(64, r)}},
    out / "adapter_model.safetensors")
log = [{{"step": 1, "loss": 2.0, "learning_rate": 0.1, "grad_norm": 1.0, "epoch": 0.1}},
    {{"step": 2, "eval_loss": 1.5}}, {{"step": 2, "train_runtime": 3.0}}]
(out / "trainer_state.json").write_text(json.dumps({{"log_history": log}}))
"""


@pytest.fixture
def qlora(config, tiny_folder):
    document = config.model_dump()
    document |= {"engine": "axolotl", "base": {"model": str(tiny_folder)}}
    document["lora"] |= {"modules": ("q_proj",)}
    document["axolotl"] |= {"micro_batch_size": 2}
    return TrainConfig.model_validate(document)


@pytest.fixture
def fake(tmp_path, monkeypatch, home):
    pytest.importorskip("torch", reason="make train-test has it")
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "axolotl"
    program.write_text(FAKE.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("CLI_TUNER_HOME", str(home.config.parent))
    monkeypatch.setattr("cli_tuner.train.axolotl_run.preflight", lambda *_: {"vram_gb": [24.0]})


def stage():
    from cli_tuner.train.stage import STAGE

    return STAGE


def test_its_adapter_becomes_our_artifact(qlora, fake):
    artifact, summary = run_stage(stage(), qlora)
    record = artifact.provenance["model"]
    assert record["engine"] == "axolotl"
    assert record["preflight"] == {"vram_gb": [24.0]}
    assert (artifact.folder / "metrics.jsonl").read_text().splitlines() == [
        '{"step": 1, "loss": 2.0, "learning_rate": 0.1, "gradient_norm": 1.0}',
        '{"step": 2, "dev_loss": 1.5}',
    ]
    assert "tiny.gguf" in summary[-1]


def test_its_failure_is_said(qlora, fake):
    with pytest.raises(TrainingError, match="ended with status 1"):
        run_stage(stage(), qlora.model_copy(update={"seed": 13}))


def test_without_it_the_first_word_is_how_to_get_it(qlora, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExtraMissing, match="pip install axolotl=="):
        preflight(qlora, tmp_path, SILENT)


def test_a_machine_without_a_gpu_is_told_before_anything_is_fetched(qlora, tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="make train-test has it")
    monkeypatch.setattr("cli_tuner.train.preflight._installed", lambda: "x")
    with pytest.raises(TrainingError, match="asks for 1"):
        preflight(qlora, tmp_path, SILENT)
