"""Our configuration as Axolotl's (axolotl 0.19.0), so that the two cannot drift.

The base is loaded in 4 bits (nf4, doubly quantized) and stays frozen; only the assistant's turn is
learned, its end included. Names of keys: axolotl/utils/schemas/config.py (Apache-2.0).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cli_tuner.train.config import TrainConfig

AXOLOTL = "0.19.0"
_HEAD = """\
# Made from configs/train/{name}.yaml by `python -m cli_tuner.train.axolotl`; a test compares.
# For Axolotl {version}. The entity of Weights & Biases is taken from WANDB_ENTITY.
"""


def rendered(config: TrainConfig, source: str, output: str) -> str:
    """The YAML text of Axolotl's configuration; `source` is the name of ours."""
    text = yaml.safe_dump(axolotl_config(config, output), sort_keys=False, width=100)
    return _HEAD.format(name=source, version=AXOLOTL) + text


def axolotl_config(config: TrainConfig, output: str) -> dict[str, Any]:
    """Axolotl's keys and values; `output` is the folder for checkpoints."""
    return {
        **_model(config),
        **_adapter(config),
        **_data(config),
        **_schedule(config),
        **_distribution(config),
        "output_dir": output,
        "save_strategy": "steps",
        "save_steps": config.sitting.checkpoint_steps,
        "save_total_limit": 2,
        "auto_resume_from_checkpoints": True,
        "logging_steps": 1,
        "wandb_project": config.sitting.project,
        "wandb_name": config.name,
        "wandb_mode": "disabled" if config.sitting.tracking == "off" else config.sitting.tracking,
    }


def _model(config: TrainConfig) -> dict[str, Any]:
    own = config.axolotl
    return {
        "base_model": config.base.model,
        "revision_of_model": config.base.revision,
        "load_in_4bit": own.load_in_4bit,
        "bnb_config_kwargs": {
            "bnb_4bit_quant_type": own.quant_type,
            "bnb_4bit_use_double_quant": own.double_quant,
        },
        "bf16": config.precision == "bfloat16",
    }


def _adapter(config: TrainConfig) -> dict[str, Any]:
    return {
        "adapter": "qlora" if config.axolotl.load_in_4bit else "lora",
        "lora_r": config.lora.rank,
        "lora_alpha": round(config.lora.alpha),
        "lora_dropout": config.lora.dropout,
        "lora_target_modules": list(config.lora.modules),
    }


def _data(config: TrainConfig) -> dict[str, Any]:
    def split(name: str) -> list[dict[str, Any]]:
        return [
            {
                "path": f"{config.data.folder}/{name}.jsonl",
                "ds_type": "json",
                "split": "train",  # what `datasets` calls the rows of a file
                "type": "chat_template",
                "field_messages": "messages",
                "roles_to_train": ["assistant"],
                "train_on_eos": "turn",
            }
        ]

    return {
        "chat_template": "tokenizer_default",
        "datasets": split("train"),
        "test_datasets": split("validation"),
        "dataset_prepared_path": f"{config.output}/prepared",
        "train_on_inputs": False,
        "sequence_len": config.data.max_tokens,
        "excess_length_strategy": "drop",
        "sample_packing": False,
        "pad_to_sequence_len": False,
        "group_by_length": True,
    }


def _schedule(config: TrainConfig) -> dict[str, Any]:
    optimizer, own = config.optimizer, config.axolotl
    per_pass = own.micro_batch_size * own.gpus
    found: dict[str, Any] = {
        "seed": config.seed,
        "num_epochs": config.epochs,
        "micro_batch_size": own.micro_batch_size,
        "gradient_accumulation_steps": config.examples_per_step // per_pass,
        "gradient_checkpointing": own.gradient_checkpointing,
        "optimizer": "adamw_torch",
        "learning_rate": optimizer.learning_rate,
        "lr_scheduler": "cosine",
        "warmup_ratio": optimizer.warmup_share,
        "weight_decay": optimizer.weight_decay,
        "adam_beta1": optimizer.betas[0],
        "adam_beta2": optimizer.betas[1],
        "max_grad_norm": optimizer.max_grad_norm,
        "eval_steps": config.evaluation.every_steps,
    }
    if optimizer.final_share:
        found["cosine_min_lr_ratio"] = optimizer.final_share
    if config.evaluation.patience:
        found["early_stopping_patience"] = config.evaluation.patience
    if config.evaluation.choose == "best_loss":
        found |= {
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "greater_is_better": False,
        }
    return found


def _distribution(config: TrainConfig) -> dict[str, Any]:
    if config.axolotl.distribute == "fsdp":
        return {
            "fsdp_version": 2,
            "fsdp_config": {
                "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
                "transformer_layer_cls_to_wrap": "Qwen2DecoderLayer",
                "cpu_ram_efficient_loading": True,
                "state_dict_type": "FULL_STATE_DICT",
                "reshard_after_forward": True,
            },
        }
    if config.axolotl.distribute == "deepspeed":
        return {
            "deepspeed": {
                "zero_optimization": {"stage": 2, "overlap_comm": True},
                "bf16": {"enabled": "auto"},
                "gradient_accumulation_steps": "auto",
                "gradient_clipping": "auto",
                "train_batch_size": "auto",
                "train_micro_batch_size_per_gpu": "auto",
            }
        }
    return {}


SHIPPED = {"axolotl.yaml": "qwen-7b", "axolotl-all-linear.yaml": "qwen-7b-all-linear"}
"""Files in configs/ and the configurations in configs/train/ that they are made from."""


def shipped(configs: Path) -> dict[Path, str]:
    """What the files in `configs` must hold."""
    from cli_tuner.artifacts import load_config

    found = {}
    for file, source in SHIPPED.items():
        config = load_config(configs / "train" / f"{source}.yaml", TrainConfig)
        output = f"{config.output}/{config.name}.run/axolotl"
        found[configs / file] = rendered(config, source, output)
    return found


if __name__ == "__main__":
    for path, text in shipped(Path("configs")).items():
        path.write_text(text, encoding="utf-8")
