"""A model's own tokenizer, built from its GGUF file: no network, and exactly what the engine uses.

Only the head of the file is read. A test compares every token with what llama.cpp makes of the
same text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli_tuner.errors import ModelCorrupt
from cli_tuner.trim.container import read_metadata

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_CONTROL, _USER_DEFINED = 3, 4

# How Qwen2 cuts a text before merging. Source: tokenizer.json of Qwen2.5-Coder-Instruct.
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def tokenizer_of(model: Path) -> Tokenizer:
    """The tokenizer of a GGUF file; special tokens in a text become their own ids.

    Raises ModelCorrupt for a file that is no GGUF, or whose vocabulary is not Qwen's.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
    from tokenizers.models import BPE

    head = read_metadata(model)
    if head.get("tokenizer.ggml.pre") != "qwen2":
        raise ModelCorrupt(f"{model} has another vocabulary than Qwen2.5-Coder")
    texts: list[str] = head["tokenizer.ggml.tokens"]
    kinds: list[int] = head["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in head["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(BPE(dict(zip(texts, range(len(texts)), strict=True)), merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN2), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    for text, kind in zip(texts, kinds, strict=True):
        if kind in (_CONTROL, _USER_DEFINED):
            added = AddedToken(text, special=kind == _CONTROL, normalized=False)
            (tokenizer.add_special_tokens if kind == _CONTROL else tokenizer.add_tokens)([added])
    return tokenizer
