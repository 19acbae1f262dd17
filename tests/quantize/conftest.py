"""A model small enough to merge and quantize in a test: one layer, 256 wide, as K types need.

But for ffn_down, whose rows are no multiple of 256, as most rows of the 0.5B are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_tuner.errors import ExtraMissing
from cli_tuner.quantize.program import find_quantizer

WIDE, FEED_FORWARD, HEADS, KV_HEADS, RANK, ALPHA = 256, 544, 4, 2, 4, 8.0
LINEAR = {
    "attn_q": (WIDE, WIDE),
    "attn_k": (WIDE // 2, WIDE),
    "attn_v": (WIDE // 2, WIDE),
    "attn_output": (WIDE, WIDE),
    "ffn_gate": (FEED_FORWARD, WIDE),
    "ffn_up": (FEED_FORWARD, WIDE),
    "ffn_down": (WIDE, FEED_FORWARD),
}


def letters() -> list[str]:
    """The printable letter of each byte in byte-level vocabularies (GPT-2), by byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


CHINESE = ["\u00e6\u0138", "\u00e6\u0138\u0129"]
"""Two bytes of a Chinese character, and all three, in those letters."""
TOKENS = [*letters(), "ls", *CHINESE, "<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def tensors() -> dict[str, Any]:
    """Every tensor of the model, float32."""
    numbers = np.random.default_rng(0)

    def drawn(*shape: int) -> Any:
        return numbers.normal(0, 0.2, shape).astype(np.float32)

    found = {
        "token_embd.weight": drawn(len(TOKENS), WIDE),
        "output.weight": drawn(len(TOKENS), WIDE),
    }
    found["output_norm.weight"] = drawn(WIDE) + 1
    for name in ("attn_norm", "ffn_norm"):
        found[f"blk.0.{name}.weight"] = drawn(WIDE) + 1
    for name, shape in LINEAR.items():
        found[f"blk.0.{name}.weight"] = drawn(*shape)
    for name in ("attn_q", "attn_k", "attn_v"):
        found[f"blk.0.{name}.bias"] = drawn(LINEAR[name][0])
    return found


def write_base(path: Path, *, architecture: str = "qwen2", template: bool = True) -> None:
    """The model as GGUF: matrices as Q8_0, vectors as they are."""
    import gguf

    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(1)
    writer.add_context_length(512)
    writer.add_embedding_length(WIDE)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([1] * (len(TOKENS) - 3) + [3] * 3)
    writer.add_token_merges(["l s", "\u00e6 \u0138", "\u00e6\u0138 \u0129"])
    writer.add_eos_token_id(TOKENS.index("<|im_end|>"))
    if template:
        writer.add_chat_template("{{ messages }} of the base")
    q8 = gguf.GGMLQuantizationType.Q8_0
    for name, values in tensors().items():
        if values.ndim == 2:
            writer.add_tensor(name, gguf.quants.quantize(values, q8), raw_dtype=q8)
        else:
            writer.add_tensor(name, values)
    _finish(writer)


def write_adapter(path: Path, base_sha256: str | None, **changed: Any) -> dict[str, Any]:
    """A GGUF LoRA on every linear layer; returns its change to each tensor."""
    import gguf

    numbers = np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    if changed.get("alpha", True):
        writer.add_float32("adapter.lora.alpha", ALPHA)
    if base_sha256 is not None:
        writer.add_string("cli-tuner.base.sha256", base_sha256)
    deltas = {}
    for name, (out, into) in (LINEAR | changed.get("linear", {})).items():
        a = numbers.normal(0, 0.1, (RANK, into)).astype(np.float16)
        b = numbers.normal(0, 0.1, (out, RANK)).astype(np.float16)
        writer.add_tensor(f"blk.0.{name}.weight.lora_a", a)
        writer.add_tensor(f"blk.0.{name}.weight.lora_b", b)
        deltas[f"blk.0.{name}.weight"] = ALPHA / RANK * b.astype("f4") @ a.astype("f4")
    _finish(writer)
    return deltas


def _finish(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def values_of(path: Path) -> dict[str, Any]:
    """Every tensor of a GGUF file, dequantized."""
    import gguf

    return {
        one.name: gguf.quants.dequantize(one.data, one.tensor_type)
        for one in gguf.GGUFReader(path).tensors
    }


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The base's file."""
    path = tmp_path / "base.gguf"
    write_base(path)
    return path


@pytest.fixture
def needs_quantizer() -> None:
    """Skips where llama.cpp's program is not installed."""
    try:
        find_quantizer()
    except ExtraMissing as error:
        pytest.skip(error.message)


@pytest.fixture
def run(base: Path, tmp_path: Path) -> Callable[..., Path]:
    """Run the stage on the base; returns the artifact's folder."""
    from cli_tuner.artifacts import run_stage
    from cli_tuner.quantize.config import QuantizeConfig
    from cli_tuner.quantize.stage import STAGE

    def go(**given: Any) -> Path:
        fields = {"name": "tiny", "base": str(base), "output": str(tmp_path / "out"), **given}
        return run_stage(STAGE, QuantizeConfig.model_validate(fields))[0].folder

    return go
