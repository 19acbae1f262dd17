"""A folder with safetensors, as transformers has it, becomes the same file as the GGUF."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_tuner.errors import QuantizationError

from .conftest import FEED_FORWARD, HEADS, KV_HEADS, WIDE, tensors, values_of

Run = Callable[..., Path]
HUGGING_FACE = {
    "token_embd": "model.embed_tokens",
    "output": "lm_head",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def key_of(name: str) -> str:
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{HUGGING_FACE[parts[2]]}.{parts[3]}"
    return f"{HUGGING_FACE[parts[0]]}.{parts[1]}"


def write_folder(folder: Path, dtype: str, **config: Any) -> None:
    """As safetensors writes it: a length, a JSON header, the bytes."""
    folder.mkdir()
    header, blob = {}, b""
    for name, values in tensors().items():
        if dtype == "BF16":
            raw = (np.ascontiguousarray(values).view("<u4") >> 16).astype("<u2").tobytes()
        else:
            raw = values.astype({"F16": "<f2", "F32": "<f4", "F64": "<f8"}[dtype]).tobytes()
        offsets = [len(blob), len(blob) + len(raw)]
        header[key_of(name)] = {"dtype": dtype, "shape": values.shape, "data_offsets": offsets}
        blob += raw
    text = json.dumps(header).encode()
    path = folder / "model.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + blob)
    shape = {
        "num_hidden_layers": 1,
        "hidden_size": WIDE,
        "intermediate_size": FEED_FORWARD,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
    }
    (folder / "config.json").write_text(json.dumps(shape | config))


@pytest.mark.parametrize(("dtype", "tolerance"), [("F32", 1e-3), ("F16", 0.0), ("BF16", 8e-3)])
def test_it_has_the_folder_s_values_under_gguf_s_names(
    run: Run, base: Path, tmp_path: Path, dtype: str, tolerance: float
) -> None:
    write_folder(tmp_path / "hf", dtype)
    path = run(base=str(tmp_path / "hf"), like=str(base), files=[{"type": "F16"}]) / "tiny-f16.gguf"
    found, wanted = values_of(path), tensors()
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        near = values.astype("f2").astype("f4") if dtype == "F16" else values
        assert np.abs(found[name] - near).max() <= tolerance * max(1, np.abs(values).max()), name


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (("F16", {"hidden_size": 896}), "hidden_size 896, the file that `like` names has 256"),
        (("F64", {}), "is of type F64"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused(
    run: Run, base: Path, tmp_path: Path, case: tuple[str, dict[str, int]], said: str
) -> None:
    dtype, config = case
    write_folder(tmp_path / "hf", dtype, **config)
    with pytest.raises(QuantizationError, match=said):
        run(base=str(tmp_path / "hf"), like=str(base), files=[{"type": "F16"}])
