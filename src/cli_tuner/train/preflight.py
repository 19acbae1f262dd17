"""Is this machine fit for a QLoRA run with Axolotl? Asked before fifteen gigabytes are fetched.

axolotl installed   a GPU with 24 GB each   room on the disk   the base loads in 4 bits
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from cli_tuner.artifacts import Progress
from cli_tuner.artifacts.provenance import package_versions
from cli_tuner.errors import ExtraMissing, TrainingError
from cli_tuner.train.axolotl import AXOLOTL
from cli_tuner.train.config import TrainConfig

VRAM_BYTES = 22_000_000_000
"""What cards sold as 24 GB have at least."""
DISK_BYTES = 40_000_000_000
"""The base in bfloat16 (15 GB), the prepared data, checkpoints, and as much again."""
EXPECTED_VRAM_GB = (6, 8)
"""QLoRA of the 7B with short examples: 5.6 GB of weights, and activations."""

_LOAD_TEST = """
import json, sys, torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
base, revision, kind, double = sys.argv[1:]
config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type=kind,
    bnb_4bit_use_double_quant=double == "True", bnb_4bit_compute_dtype=torch.bfloat16)
AutoModelForCausalLM.from_pretrained(base, revision=revision, quantization_config=config,
    device_map={"": 0})
print(json.dumps(torch.cuda.max_memory_allocated()))
"""


def preflight(config: TrainConfig, work: Path, progress: Progress) -> dict[str, object]:
    """Check the machine, and say what was found. Raises the first thing that is wrong."""
    progress.step("pre-flight")
    installed = _installed()
    memories = _gpus(config.axolotl.gpus)
    free = shutil.disk_usage(work).free
    if free < DISK_BYTES:
        raise TrainingError(
            f"{work} has {free / 1e9:.0f} GB left; {DISK_BYTES / 1e9:.0f} GB are needed",
            hint="make room, or choose another folder with --out",
        )
    found = {"axolotl": installed, "vram_gb": memories, "disk_free_gb": round(free / 1e9)}
    if config.axolotl.load_in_4bit:
        progress.step("load the base in 4 bits")
        loaded = _loaded_in_4_bits(config) / 1e9
        found["weights_gb"] = round(loaded, 2)
        low, high = EXPECTED_VRAM_GB
        progress.note(f"{loaded:.1f} GB of weights; {low} to {high} GB are expected", keep=True)
    return found


def _installed() -> str:
    version = package_versions(["axolotl"]).get("axolotl")
    if shutil.which("axolotl") is None or version is None:
        raise ExtraMissing(
            "the engine axolotl is not installed",
            hint=f"on a machine with a GPU: pip install axolotl=={AXOLOTL}, or use engine: torch",
        )
    if version != AXOLOTL:
        raise TrainingError(
            f"axolotl {version} is installed; the configuration is made for {AXOLOTL}",
            hint=f"pip install axolotl=={AXOLOTL}",
        )
    return version


def _gpus(wanted: int) -> list[float]:
    if find_spec("torch") is None:
        raise ExtraMissing("PyTorch is not installed", hint="see docs/TRAINING.md")
    import torch

    count = torch.cuda.device_count()
    if count < wanted:
        raise TrainingError(
            f"PyTorch sees {count} GPUs; the configuration asks for {wanted}",
            hint="use engine: torch, which needs none",
        )
    memories = [torch.cuda.get_device_properties(number).total_memory for number in range(wanted)]
    if min(memories) < VRAM_BYTES:
        raise TrainingError(
            f"a GPU has {min(memories) / 1e9:.0f} GB of memory; 24 GB are asked for",
            hint="use a larger one, or engine: torch with a smaller base",
        )
    return [round(memory / 1e9, 1) for memory in memories]


def _loaded_in_4_bits(config: TrainConfig) -> int:
    """The bytes that the base takes on the GPU; measured in a process of its own."""
    own = config.axolotl
    arguments = [config.base.model, config.base.revision, own.quant_type, str(own.double_quant)]
    ended = subprocess.run(
        [sys.executable, "-c", _LOAD_TEST, *arguments], capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        raise TrainingError(f"the base does not load in 4 bits: {last}")
    return int(json.loads(ended.stdout.strip().splitlines()[-1]))
