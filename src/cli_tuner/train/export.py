"""The adapter as files: GGUF for llama.cpp, and a folder that peft loads.

GGUF LoRA, as llama.cpp's convert_lora_to_gguf.py (MIT) writes it:

    general.type = adapter, adapter.type = lora, adapter.lora.alpha (float32)
    blk.N.attn_q.weight.lora_a  (r, in) float16
    blk.N.attn_q.weight.lora_b  (out, r) float16
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from torch import Tensor

from cli_tuner.artifacts import require
from cli_tuner.errors import TrainingError
from cli_tuner.models.entry import BASE_KEY
from cli_tuner.train.base import GGUF_MODULE
from cli_tuner.train.lora import Adapter

_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
_FLOAT16_MAX = 65_504.0


Pairs = Iterable[tuple[int, str, Tensor, Tensor]]
"""(layer, module, A (r, in), B (out, r))."""


def write_gguf(pairs: Pairs, alpha: float, base_sha256: str, path: Path) -> None:
    """Write an adapter as float16. Raises TrainingError for a value that float16 cannot hold."""
    writer = require("gguf", "train").GGUFWriter(path, "qwen2")
    writer.add_type("adapter")
    writer.add_name(path.stem)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    writer.add_string(BASE_KEY, base_sha256)
    for layer, module, a, b in pairs:
        for side, values in (("a", a), ("b", b)):
            key = f"blk.{layer}.{GGUF_MODULE[module]}.weight.lora_{side}"
            writer.add_tensor(key, _half(values, key).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _half(values: Tensor, key: str) -> Tensor:
    if not bool(values.abs().max() <= _FLOAT16_MAX):
        raise TrainingError(f"{key} has values that float16 cannot hold", hint="train it again")
    return values.half().cpu().contiguous()


def read_peft(folder: Path) -> Iterator[tuple[int, str, Tensor, Tensor]]:
    """The pairs of a folder that peft wrote. Raises TrainingError for what is no plain LoRA."""
    path = folder / "adapter_model.safetensors"
    if not path.is_file():
        raise TrainingError(f"{folder} holds no adapter: no {path.name}")
    tensors = require("safetensors.torch", "train").load_file(path)
    for key in sorted(tensors):
        if key.endswith(".lora_A.weight"):
            stem = key.removesuffix(".lora_A.weight")
            _, _, after = stem.partition(".layers.")
            layer, _, module = after.partition(".")
            other = tensors.get(f"{stem}.lora_B.weight")
            name = module.rpartition(".")[2]
            if other is None or name not in GGUF_MODULE or not layer.isdigit():
                raise TrainingError(f"{path} has {key}, which is no LoRA of a Qwen2 layer")
            yield int(layer), name, tensors[key], other


def write_peft(adapter: Adapter, base: str, folder: Path) -> None:
    """Write the folder that peft.PeftModel.from_pretrained takes. `base` names its base."""
    folder.mkdir(parents=True)
    tensors = {}
    for layer, module, a, b in adapter.pairs():
        place = "self_attn" if module in _ATTENTION else "mlp"
        key = f"base_model.model.model.layers.{layer}.{place}.{module}"
        tensors[f"{key}.lora_A.weight"] = a.cpu().contiguous()
        tensors[f"{key}.lora_B.weight"] = b.cpu().contiguous()
    save = require("safetensors.torch", "train").save_file
    save(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": adapter.rank,
        "lora_alpha": adapter.alpha,
        "lora_dropout": 0.0,
        "target_modules": list(adapter.modules),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    text = json.dumps(config, indent=2)
    (folder / "adapter_config.json").write_text(f"{text}\n", encoding="utf-8")
