from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cli_tuner.artifacts import load_config
from cli_tuner.artifacts.stage import identity_of
from cli_tuner.errors import ConfigError
from cli_tuner.train.axolotl import axolotl_config, shipped
from cli_tuner.train.config import TrainConfig

CONFIGS = Path(__file__).parents[2] / "configs"
SHIPPED = sorted((CONFIGS / "train").glob("*.yaml"))


def written(tmp_path, text):
    path = tmp_path / "run.yaml"
    path.write_text(f"name: x\nbase: {{model: fast}}\ndata: {{folder: d}}\n{text}")
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_configuration_is_valid(path):
    assert load_config(path, TrainConfig).name == path.stem


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_a_shipped_configuration_begins_from_is_there(path):
    start = load_config(path, TrainConfig).lora.start
    assert start is None or (CONFIGS.parent / start).is_file()


def test_what_a_sitting_sets_is_no_part_of_the_identity(tmp_path):
    path = written(tmp_path, "")
    here = load_config(path, TrainConfig)
    there = load_config(path, TrainConfig, ["sitting.max_minutes=5", "sitting.threads=3"])
    assert identity_of(here) == identity_of(there)
    other = load_config(path, TrainConfig, ["optimizer.learning_rate=0.001"])
    assert identity_of(here) != identity_of(other)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lora: {rnk: 8}", 'did you mean "rank"'),
        ("lora: {modules: []}", "lora.modules"),
        ("lora: {modules: [q_proj, q_proj]}", "names one twice"),
        ("optimizer: {learning_rate: 0}", "optimizer.learning_rate"),
        ("engine: axolotl\nexamples_per_step: 6", "multiple of micro_batch_size"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        load_config(written(tmp_path, text), TrainConfig)


def test_axolotl_takes_all_rows_of_a_set(tmp_path):
    path = written(tmp_path, "engine: axolotl")
    with pytest.raises(ConfigError, match="takes all rows"):
        load_config(path, TrainConfig, ["data.rows=5"])


@pytest.mark.parametrize("path", shipped(CONFIGS), ids=lambda path: path.name)
def test_axolotls_configuration_is_what_ours_renders(path):
    assert path.read_text(encoding="utf-8") == shipped(CONFIGS)[path], (
        "run: python -m cli_tuner.train.axolotl"
    )


def test_the_plans_recipe_is_in_it():
    recipe = yaml.safe_load((CONFIGS / "axolotl.yaml").read_text(encoding="utf-8"))
    expected = {
        "base_model": "Qwen/Qwen2.5-Coder-7B-Instruct",
        "adapter": "qlora",
        "load_in_4bit": True,
        "lora_r": 8,
        "lora_alpha": 16,
        "lora_target_modules": ["q_proj", "v_proj"],
        "bf16": True,
        "learning_rate": 2e-4,
        "num_epochs": 3,
        "micro_batch_size": 4,
        "gradient_accumulation_steps": 4,
        "train_on_inputs": False,
        "save_steps": 500,
        "wandb_project": "cli-tuner",
    }
    assert expected.items() <= recipe.items()
    assert recipe["bnb_config_kwargs"] == {
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
    }


def test_more_gpus_keep_the_examples_of_a_step(tmp_path):
    config = load_config(
        written(tmp_path, "engine: axolotl"),
        TrainConfig,
        ["axolotl.gpus=4", "axolotl.distribute=fsdp"],
    )
    made = axolotl_config(config, "out")
    assert made["micro_batch_size"] * made["gradient_accumulation_steps"] * 4 == 16
    assert made["fsdp_version"] == 2
