"""A model that is small enough to train in a test, as the GGUF file that everything starts from."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli_tuner.artifacts import SILENT
from cli_tuner.settings import Paths
from cli_tuner.train.base import Frozen, find_base
from cli_tuner.train.config import Base, Lora, TrainConfig

if TYPE_CHECKING:
    from cli_tuner.train.model import Qwen2

LAYERS, HIDDEN, FEED_FORWARD, HEADS, KV_HEADS = 2, 64, 96, 4, 2
COMMANDS = {
    "list": "ls -la {0}",
    "show": "cat {0}",
    "count lines of": "wc -l {0}",
    "find": "find . -name '{0}'",
}
FILES = "a.txt b.log notes.md data.csv main.py x.json old.tar photo.png readme todo".split()


def byte_letters() -> list[str]:
    """The printable letter of each byte in byte-level vocabularies (GPT-2), by byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def write_tiny_gguf(path: Path, *, quantized: bool = True) -> None:
    """A Qwen2 with random weights and a vocabulary of bytes."""
    import gguf
    import numpy as np

    numbers = np.random.default_rng(0)
    tokens = [*byte_letters(), "ls", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_block_count(LAYERS)
    writer.add_context_length(512)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (len(tokens) - 3) + [3] * 3)
    writer.add_token_merges(["l s"])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)

    def add(name: str, *shape: int, kind: object = None) -> None:
        spread = 0.3 if len(shape) == 2 else 0.1
        values = numbers.normal(0, spread, shape).astype(np.float32)
        if name.endswith("norm.weight"):
            values += 1
        if not quantized:
            kind = None
        if kind is not None:
            values = gguf.quants.quantize(values, kind)
        writer.add_tensor(name, values, raw_dtype=kind)

    q8, f16 = gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.F16
    size = HIDDEN // HEADS
    add("token_embd.weight", len(tokens), HIDDEN, kind=f16)
    add("output.weight", len(tokens), HIDDEN, kind=q8)
    add("output_norm.weight", HIDDEN)
    for layer in range(LAYERS):
        blk = f"blk.{layer}"
        add(f"{blk}.attn_norm.weight", HIDDEN)
        add(f"{blk}.ffn_norm.weight", HIDDEN)
        for name, rows in (("q", HEADS * size), ("k", KV_HEADS * size), ("v", KV_HEADS * size)):
            add(f"{blk}.attn_{name}.weight", rows, HIDDEN, kind=q8)
            add(f"{blk}.attn_{name}.bias", rows)
        add(f"{blk}.attn_output.weight", HIDDEN, HEADS * size, kind=q8)
        add(f"{blk}.ffn_gate.weight", FEED_FORWARD, HIDDEN, kind=q8)
        add(f"{blk}.ffn_up.weight", FEED_FORWARD, HIDDEN, kind=q8)
        add(f"{blk}.ffn_down.weight", HIDDEN, FEED_FORWARD, kind=q8)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return Paths.of({"CLI_TUNER_HOME": str(tmp_path_factory.mktemp("home"))})


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("torch", "gguf", "safetensors"):
        pytest.importorskip(package, reason="make train-test has it")
    path = tmp_path_factory.mktemp("base") / "tiny.gguf"
    write_tiny_gguf(path)
    return path


@pytest.fixture(scope="session")
def tiny(tiny_gguf: Path, home: Paths) -> Frozen:
    """The same, as a folder that transformers loads."""
    return find_base(Base(model=str(tiny_gguf)), None, home, SILENT)


@pytest.fixture(scope="session")
def exact(tiny_gguf: Path, home: Paths, tmp_path_factory: pytest.TempPathFactory) -> Frozen:
    """The same without quantization: llama.cpp rounds the inputs of quantized products."""
    path = tmp_path_factory.mktemp("exact") / "exact.gguf"
    write_tiny_gguf(path, quantized=False)
    return find_base(Base(model=str(path)), None, home, SILENT)


@pytest.fixture(scope="session")
def tiny_folder(tiny: Frozen) -> Path:
    return tiny.folder


def tiny_model(
    modules: tuple[str, ...] | None = None, *, folder: Path, dropout: float = 0.0, b: float = 0.05
) -> Qwen2:
    """The tiny model in float32 with an adapter whose B is random, not zero."""
    import torch

    from cli_tuner.train.lora import Adapter
    from cli_tuner.train.model import Architecture, Qwen2

    torch.set_num_threads(1)
    shape = Architecture.of(folder)
    chosen = modules or tuple(shape.shapes)
    lora = Lora(rank=4, alpha=8, dropout=dropout, modules=chosen)
    adapter = Adapter(shape.shapes, shape.layers, lora, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for _, _, _, up in adapter.pairs():
            up.copy_(torch.randn(up.shape, generator=generator) * b)
    return Qwen2(folder, adapter, "cpu", torch.float32)


@pytest.fixture(scope="session")
def make_model(tiny_folder: Path) -> Callable[..., Qwen2]:
    """Tiny models: of chosen modules, with dropout, with a B of this size."""
    return partial(tiny_model, folder=tiny_folder)


@pytest.fixture
def model(make_model: Callable[..., Qwen2]) -> Qwen2:
    return make_model()


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pairs to learn and eight to look at."""
    folder = tmp_path_factory.mktemp("data")
    pairs = [
        (f"{what} {name}", how.format(name)) for what, how in COMMANDS.items() for name in FILES
    ]
    random.Random(1).shuffle(pairs)
    for split, part in (("train", pairs[:32]), ("validation", pairs[32:])):
        rows = [
            {"id": f"{split}-{n}", "query": query, "command": command, "source": "ours"}
            for n, (query, command) in enumerate(part)
        ]
        (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


@pytest.fixture
def config(tiny_gguf: Path, data_folder: Path, tmp_path: Path) -> TrainConfig:
    """A run of sixteen steps on the tiny model."""
    return TrainConfig.model_validate(
        {
            "name": "tiny",
            "output": str(tmp_path / "runs"),
            "base": {"model": str(tiny_gguf)},
            "data": {"folder": str(data_folder), "max_tokens": 512},
            "lora": {"rank": 4, "alpha": 8},
            "optimizer": {"learning_rate": 0.01, "warmup_share": 0.1},
            "evaluation": {"every_steps": 4, "loss_rows": 8, "answer_rows": 2},
            "epochs": 4,
            "examples_per_step": 8,
            "precision": "float32",
            "sitting": {"tracking": "off", "checkpoint_steps": 2, "install": False, "threads": 1},
        }
    )
