"""What is known of a trained adapter: `models/provenance.json` beside it."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import require
from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.artifacts.provenance import code_state, now, package_versions, processor
from cli_tuner.artifacts.stage import identity_of
from cli_tuner.prompt import TEMPLATE_SHA256
from cli_tuner.train.base import Frozen
from cli_tuner.train.config import TrainConfig

PACKAGES = (
    "torch", "transformers", "peft", "safetensors", "gguf", "tokenizers", "numpy", "wandb",
    "xllamacpp", "axolotl", "bitsandbytes",
)  # fmt: skip
USUAL_BYTES = (10_000_000, 50_000_000)
"""What an adapter has; another size is worth a remark."""


def model_record(
    config: TrainConfig,
    base: Frozen,
    data: dict[str, Any],
    adapter: Path,
    training: dict[str, Any],
) -> dict[str, Any]:
    """Everything that an adapter came from. `training` is what the engine adds."""
    return {
        "schema_version": "1",
        "name": config.name,
        "base": {
            "name": base.name,
            "repo": base.repo,
            "revision": base.revision,
            "sha256": base.sha256,
            "license": base.licence,
        },
        "serves": {"name": base.serves[0], "sha256": base.serves[1]} if base.serves else None,
        "data": data,
        "config_sha256": identity_of(config),
        "template_sha256": TEMPLATE_SHA256,
        "seeds": {"all": config.seed},
        "engine": config.engine,
        "trained_by": config.trained_by or os.environ.get("CLI_TUNER_TRAINED_BY") or _user(),
        "trained_at": now(),
        "code": code_state(),
        "packages": package_versions(PACKAGES),
        "adapter": {
            "file": adapter.name,
            "sha256": sha256_of_file(adapter),
            "bytes": adapter.stat().st_size,
            "rank": config.lora.rank,
            "alpha": config.lora.alpha,
            "modules": list(config.lora.modules),
        },
        **training,
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def hardware(device: str) -> dict[str, Any]:
    """The machine that trained, without its name."""
    torch = require("torch", "train")
    found: dict[str, Any] = {
        "device": device,
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    if device == "cuda" and torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        found["gpu"] = properties.name
        found["gpu_memory_gb"] = round(properties.total_memory / 1e9, 1)
        found["cuda"] = torch.version.cuda
    return found
