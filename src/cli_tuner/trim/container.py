"""A GGUF file's head as values, its tensors as stretches of bytes; and a head written again.

Format: the GGUF specification of ggml-org/ggml (MIT), docs/gguf.md, version 3, little-endian:

    magic, version, number of tensors, number of pairs
    key, type, value                                    for each pair
    name, dimensions (the fastest first), type, offset  for each tensor
    padding to the alignment, then the tensors' bytes
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cli_tuner.errors import ModelCorrupt

# Value types of the format: number -> struct code. 8 is a string, 9 an array.
_NUMBERS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
STRING, ARRAY, UINT32 = 8, 9, 4
_MAGIC = b"GGUF"
_ALIGNMENT = "general.alignment"
_DEFAULT_ALIGNMENT = 32


class Pair(NamedTuple):
    """One metadata value. `inner` is the type of an array's elements, None for anything else."""

    kind: int
    inner: int | None
    value: Any


class TensorInfo(NamedTuple):
    """One tensor. `shape` is as the file has it, the fastest dimension first; `offset` counts from
    the start of the data."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int


@dataclass(frozen=True)
class Head:
    """What a file says before its data. `data_start` and `size` are bytes of the file."""

    version: int
    pairs: dict[str, Pair]
    tensors: tuple[TensorInfo, ...]
    data_start: int
    size: int

    def value(self, key: str) -> Any:
        """The value of a key, or None."""
        pair = self.pairs.get(key)
        return None if pair is None else pair.value

    @property
    def alignment(self) -> int:
        """Every tensor's offset is a multiple of this."""
        return int(self.value(_ALIGNMENT) or _DEFAULT_ALIGNMENT)

    def stretch(self, tensor: TensorInfo) -> tuple[int, int]:
        """Where a tensor's bytes are in the file, from and to, padding behind it included."""
        later = [one.offset for one in self.tensors if one.offset > tensor.offset]
        end = self.data_start + min(later) if later else self.size
        return self.data_start + tensor.offset, end


def read_metadata(path: Path) -> dict[str, Any]:
    """The keys and values at the start of a file. Raises ModelCorrupt for what is no GGUF file."""
    return {key: pair.value for key, pair in _read(path, tensors=False).pairs.items()}


def read_head(path: Path) -> Head:
    """Everything before the data. Raises ModelCorrupt for what is no GGUF file."""
    return _read(path, tensors=True)


def _read(path: Path, *, tensors: bool) -> Head:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data[:4] != _MAGIC:
                raise ModelCorrupt(f"{path} is not a GGUF file")
            reader = _Reader(data)
            reader.position = 4
            version, tensor_count = reader.number("I"), reader.number("Q")
            pairs = dict(reader.pair() for _ in range(reader.number("Q")))
            found = tuple(reader.tensor() for _ in range(tensor_count)) if tensors else ()
            head = Head(version, pairs, found, 0, len(data))
            start = -(-reader.position // head.alignment) * head.alignment
            return Head(version, pairs, found, start, len(data))
    except (struct.error, ValueError, KeyError, OSError) as error:
        raise ModelCorrupt(f"cannot read the head of {path}: {error}") from error


class _Reader:
    """Little-endian values, one after the other."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.position = 0

    def pair(self) -> tuple[str, Pair]:
        """One key and its value."""
        key = self.string()
        kind = self.number("I")
        if kind != ARRAY:
            return key, Pair(kind, None, self.value(kind))
        inner, count = self.number("I"), self.number("Q")
        return key, Pair(kind, inner, self.array(inner, count))

    def tensor(self) -> TensorInfo:
        """One entry of the list of tensors."""
        name = self.string()
        shape = tuple(self.number("Q") for _ in range(self.number("I")))
        return TensorInfo(name, shape, self.number("I"), self.number("Q"))

    def value(self, kind: int) -> Any:
        """A value of a type."""
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            inner, count = self.number("I"), self.number("Q")
            return self.array(inner, count)
        return self.number(_NUMBERS[kind])

    def array(self, inner: int, count: int) -> list[Any]:
        """So many values of one type."""
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


def written_head(head: Head) -> bytes:
    """The bytes before the data, padded to the alignment; `data_start` and `size` do not matter.

    Raises ValueError for an array of arrays, which no model has.
    """
    parts = [_MAGIC, struct.pack("<IQQ", head.version, len(head.tensors), len(head.pairs))]
    for key, pair in head.pairs.items():
        parts += [_string(key), struct.pack("<I", pair.kind), *_value(pair)]
    for name, shape, kind, offset in head.tensors:
        parts += [_string(name), struct.pack("<I", len(shape))]
        parts += [struct.pack(f"<{len(shape)}Q", *shape), struct.pack("<IQ", kind, offset)]
    found = b"".join(parts)
    return found + padding(len(found), head.alignment)


def padding(length: int, alignment: int) -> bytes:
    """The zeros that follow so many bytes."""
    return bytes(-length % alignment)


def _value(pair: Pair) -> Iterable[bytes]:
    if pair.kind == STRING:
        return [_string(pair.value)]
    if pair.kind != ARRAY:
        return [struct.pack("<" + _NUMBERS[pair.kind], pair.value)]
    count = struct.pack("<IQ", pair.inner, len(pair.value))
    if pair.inner == STRING:
        return [count, *map(_string, pair.value)]
    if pair.inner not in _NUMBERS:
        raise ValueError("an array of arrays cannot be written")
    return [count, struct.pack(f"<{len(pair.value)}{_NUMBERS[pair.inner]}", *pair.value)]


def _string(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data
