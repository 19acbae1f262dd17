"""A model of one layer whose vocabulary knows English, French, Chinese and two special tokens."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WIDE = 32


@lru_cache
def letters() -> list[str]:
    """The letter of each byte in byte-level vocabularies (GPT-2), by byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def spelt(text: str | bytes) -> str:
    """A text in those letters."""
    data = text.encode() if isinstance(text, str) else text
    return "".join(letters()[byte] for byte in data)


def merges() -> list[tuple[str, str]]:
    """Pairs in their order. Two of them cross the border between two characters."""
    pairs: list[tuple[str | bytes, str | bytes]] = [
        ("l", "s"), (" ", "ls"), ("i", "s"), (b"\xc3", b"\xa9"), ("t", "\u00e9"),
        (b"\xe6", b"\x96"), (b"\xe6\x96", b"\x87"), (b"\xe4", b"\xbb"), (b"\xe4\xbb", b"\xb6"),
        ("\u6587", "\u4ef6"), (b"\xa9", b"s"), (b"\x87", b" "), (" ls", " "), ("is", "\u6587"),
    ]  # fmt: skip
    return [(spelt(one), spelt(other)) for one, other in pairs]


def tokens() -> list[str]:
    """Bytes, merged tokens, then special and unused ones."""
    made = ["".join(pair) for pair in merges()]
    return [*letters(), *made, "<|im_start|>", "<|im_end|>", "[PAD0]", "[PAD1]"]


def write_model(path: Path, *, unused: int = 2, **changed: Any) -> dict[str, Any]:
    """Write it, both token matrices as Q8_0; returns the arrays as written."""
    import gguf

    texts = tokens()[:-2] + [f"[PAD{number}]" for number in range(unused)]
    kinds = [1] * (len(texts) - 2 - unused) + [3, 3] + [5] * unused
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_tokenizer_model(changed.get("model", "gpt2"))
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(texts)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in merges()])
    writer.add_eos_token_id(texts.index("<|im_end|>"))
    writer.add_pad_token_id(changed.get("pad", texts.index("<|im_start|>")))
    writer.add_vocab_size(len(texts))
    writer.add_float32("a.number", 0.1)
    writer.add_bool("a.truth", val=True)
    if "base" in changed:
        writer.add_string("cli-tuner.base.sha256", changed["base"])
    numbers = np.random.default_rng(3)
    q8 = gguf.GGMLQuantizationType.Q8_0
    arrays = {}
    for name in ("token_embd.weight", "blk.0.attn_q.weight", "output.weight"):
        rows = changed.get("rows", len(texts)) if name != "blk.0.attn_q.weight" else WIDE
        values = numbers.normal(0, 1, (rows, WIDE)).astype(np.float32)
        arrays[name] = gguf.quants.quantize(values, q8)
        writer.add_tensor(name, arrays[name], raw_dtype=q8)
    arrays["output_norm.weight"] = numbers.normal(0, 1, 5).astype(np.float32)
    writer.add_tensor("output_norm.weight", arrays["output_norm.weight"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return arrays


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The file."""
    path = tmp_path / "model.gguf"
    write_model(path)
    return path
