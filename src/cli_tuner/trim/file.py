"""One model file in, the same model with fewer tokens out.

    token_embd.weight   (tokens, wide)   the chosen rows, each byte for byte: rows are quantized
    output.weight       (tokens, wide)   along the row, so nothing is rounded again
    every other tensor                   as it is
    metadata            shorter lists, new ids, and where it comes from

The same file and the same alphabet give the same bytes, so the result has a digest that can be
known beforehand.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cli_tuner.errors import QuantizationError
from cli_tuner.trim import BASE_KEY, SOURCE_KEY
from cli_tuner.trim.alphabet import Alphabet
from cli_tuner.trim.container import (
    STRING,
    UINT32,
    Head,
    Pair,
    TensorInfo,
    padding,
    read_head,
    written_head,
)
from cli_tuner.trim.tokens import Choice, chosen, trimmed_pairs

ALPHABET_KEY = "cli-tuner.trim.alphabet"
TOKENS_KEY = "cli-tuner.trim.source.tokens"

_BY_TOKEN = ("token_embd.weight", "output.weight")
_COPIED_BYTES = 16 << 20

# Types of the format: number -> (weights in a block, bytes of a block). Source: ggml's ggml.h.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    20: (32, 18), 23: (256, 136), 30: (1, 2),
}  # fmt: skip


@dataclass(frozen=True)
class Trimmed:
    """What was written. `rows` of `rows_before` tokens are left."""

    rows: int
    rows_before: int
    bytes: int


def trim(
    source: Path,
    target: Path,
    alphabet: Alphabet,
    *,
    source_sha256: str,
    on_written: Callable[[int, int], None] = lambda _done, _total: None,
) -> Trimmed:
    """Write `source` without the tokens that texts over the alphabet never need.

    `on_written` hears bytes done and in total. Raises ModelCorrupt for what is no GGUF file,
    QuantizationError for one that cannot be trimmed, OSError.
    """
    head = read_head(source)
    if head.value(ALPHABET_KEY) is not None:
        raise QuantizationError(f"{source} is trimmed already, to {head.value(ALPHABET_KEY)}")
    choice = chosen(head, alphabet)
    plan = _Plan(head, choice)
    pairs = trimmed_pairs(head, choice) | _origin(head, alphabet, source_sha256, choice)
    beginning = written_head(Head(head.version, pairs, plan.tensors, 0, 0))
    total = len(beginning) + plan.data_bytes
    with source.open("rb") as file, target.open("wb") as out:
        out.write(beginning)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            done = len(beginning)
            for start, end in plan.stretches():
                done += _copied(data, start, end, out)
                on_written(done, total)
    return Trimmed(len(choice.rows), choice.tokens, total)


def _copied(data: mmap.mmap, start: int, end: int, out: BinaryIO) -> int:
    """Copy a stretch of the source; a negative start stands for so many zeros."""
    if start < 0:
        return out.write(bytes(-start))
    for at in range(start, end, _COPIED_BYTES):
        out.write(data[at : min(at + _COPIED_BYTES, end)])
    return end - start


class _Plan:
    """Where each tensor's bytes come from and where they go."""

    def __init__(self, head: Head, choice: Choice) -> None:
        self._head = head
        self._choice = choice
        tensors, offset = [], 0
        for one in sorted(head.tensors, key=lambda tensor: tensor.offset):
            tensors.append(one._replace(shape=self._shape(one), offset=offset))
            offset += _bytes(tensors[-1])
            offset += len(padding(offset, head.alignment))
        self.tensors = tuple(tensors)
        self.data_bytes = offset

    def _shape(self, tensor: TensorInfo) -> tuple[int, ...]:
        if tensor.name not in _BY_TOKEN:
            return tensor.shape
        wide, rows = tensor.shape
        if rows != self._choice.tokens:
            raise QuantizationError(
                f"{tensor.name} has {rows} rows, the vocabulary {self._choice.tokens} tokens"
            )
        return wide, len(self._choice.rows)

    def stretches(self) -> Iterator[tuple[int, int]]:
        """The source's stretches in the order of writing; (-n, 0) are n zeros."""
        before = sorted(self._head.tensors, key=lambda tensor: tensor.offset)
        for old, new in zip(before, self.tensors, strict=True):
            start = self._head.data_start + old.offset
            if old.name in _BY_TOKEN:
                row = _bytes(old) // old.shape[1]
                for first, last in self._choice.runs:
                    yield start + first * row, start + last * row
            else:
                yield start, start + _bytes(old)
            if filled := len(padding(_bytes(new), self._head.alignment)):
                yield -filled, 0


def _bytes(tensor: TensorInfo) -> int:
    if tensor.kind not in _BLOCKS:
        raise QuantizationError(f"{tensor.name} is of a type ({tensor.kind}) that is not known")
    block, size = _BLOCKS[tensor.kind]
    weights = 1
    for one in tensor.shape:
        weights *= one
    if tensor.shape[0] % block:
        raise QuantizationError(f"{tensor.name} has rows that are no whole number of blocks")
    return weights // block * size


def _origin(head: Head, alphabet: Alphabet, source_sha256: str, choice: Choice) -> dict[str, Pair]:
    """What the file says of itself. A merged file keeps its own word on its base."""
    base = head.value(BASE_KEY) or source_sha256
    return {
        BASE_KEY: Pair(STRING, None, base),
        SOURCE_KEY: Pair(STRING, None, source_sha256),
        ALPHABET_KEY: Pair(STRING, None, str(alphabet)),
        TOKENS_KEY: Pair(UINT32, None, choice.tokens),
    }


def differences(source: Path, trimmed: Path, alphabet: Alphabet) -> tuple[str, ...]:
    """What in a trimmed file is not its source's own bytes; nothing if it is as it should be.

    Reads both files whole. Raises ModelCorrupt, QuantizationError.
    """
    head, new = read_head(source), read_head(trimmed)
    choice = chosen(head, alphabet)
    plan, found = _Plan(head, choice), []
    if (new.tensors, len(new.value("tokenizer.ggml.tokens"))) != (plan.tensors, len(choice.rows)):
        return ("the list of tensors",)
    with (
        source.open("rb") as one,
        trimmed.open("rb") as other,
        mmap.mmap(one.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        other.seek(new.data_start)
        wanted, was = hashlib.sha256(), hashlib.sha256()
        for start, end in plan.stretches():
            wanted.update(bytes(-start) if start < 0 else data[start:end])
            was.update(other.read(-start if start < 0 else end - start))
        if wanted.digest() != was.digest() or other.read(1):
            found.append("the tensors' bytes")
    pairs = trimmed_pairs(head, choice)
    found += [key for key, pair in pairs.items() if key != BASE_KEY and new.pairs.get(key) != pair]
    return tuple(found)
