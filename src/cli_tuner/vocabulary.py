"""A model's own tokenizer, built from its GGUF file: no network, and exactly what the engine uses.

Only the head of the file is read. Format: the GGUF specification of ggml-org/ggml (MIT),
docs/gguf.md. A test compares every token with what llama.cpp makes of the same text.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli_tuner.errors import ModelCorrupt

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Value types of the format: number -> struct code. 8 is a string, 9 an array.
_NUMBERS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
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

    head = _head(model)
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


def _head(path: Path) -> dict[str, Any]:
    """The metadata at the start of a GGUF file."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            reader = _Reader(data)
            if data[:4] != b"GGUF":
                raise ModelCorrupt(f"{path} is not a GGUF file")
            reader.position = 16  # magic, version, number of tensors
            return dict(reader.entry() for _ in range(reader.number("Q")))
    except (struct.error, ValueError, KeyError, OSError) as error:
        raise ModelCorrupt(f"cannot read the vocabulary of {path}: {error}") from error


class _Reader:
    """Little-endian values, one after the other."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.position = 0

    def entry(self) -> tuple[str, Any]:
        """One key and its value."""
        key = self.string()
        return key, self.value(self.number("I"))

    def value(self, kind: int) -> Any:
        """A value of a type."""
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY:
            return self.number(_NUMBERS[kind])
        inner, count = self.number("I"), self.number("Q")
        if inner in _NUMBERS:
            layout = struct.Struct(f"<{count}{_NUMBERS[inner]}")
            values = layout.unpack_from(self.data, self.position)
            self.position += layout.size
            return list(values)
        return [self.value(inner) for _ in range(count)]

    def number(self, code: str) -> Any:
        """One number."""
        layout = struct.Struct("<" + code)
        (found,) = layout.unpack_from(self.data, self.position)
        self.position += layout.size
        return found

    def string(self) -> str:
        """Length, then UTF-8."""
        length = self.number("Q")
        start = self.position
        self.position += length
        return self.data[start : self.position].decode("utf-8")
