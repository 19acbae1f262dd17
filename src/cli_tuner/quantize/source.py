"""Where the weights come from: every tensor by its GGUF name as float32, one at a time.

A GGUF file is dequantized; a folder with safetensors is read under the names that the gguf
package's tensor map gives. Either way the tokenizer and the chat template are a GGUF file's own
metadata, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cli_tuner.artifacts import require
from cli_tuner.artifacts.artifact import address_of, sha256_of_file
from cli_tuner.errors import QuantizationError
from cli_tuner.models import Store, load_catalogue
from cli_tuner.settings import Paths
from cli_tuner.trim import SOURCE_KEY

ARCHITECTURE = "qwen2"


class Source(Protocol):
    """A model to be written as GGUF. `shapes` are (out, in) or (n,)."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    @property
    def sha256(self) -> str:
        """Of the file, or over the safetensors files."""

    @property
    def layers_sha256(self) -> str:
        """The file that its layers are from, which adapters are made for: itself, or another one
        if it is a trimmed file."""

    @property
    def metadata(self) -> Any:
        """A GGUFReader whose key-value pairs the new file gets."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor and its shape, in the order of writing."""

    def tensor(self, name: str) -> Any:
        """One tensor as a float32 array."""


@dataclass(frozen=True)
class GgufSource:
    """A GGUF file, dequantized tensor by tensor."""

    name: str
    sha256: str
    metadata: Any
    path: Path

    @property
    def layers_sha256(self) -> str:
        """Of the file that a trimmed one was made from, or its own."""
        field = self.metadata.get_field(SOURCE_KEY)
        return self.sha256 if field is None else str(field.contents())

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor and its shape. GGUF counts dimensions from the fastest one."""
        return {one.name: tuple(map(int, reversed(one.shape))) for one in self.metadata.tensors}

    def tensor(self, name: str) -> Any:
        """One tensor as a float32 array."""
        dequantize = require("gguf.quants", "quantize").dequantize
        found = next(one for one in self.metadata.tensors if one.name == name)
        return dequantize(found.data, found.tensor_type).astype("float32", copy=False)


@dataclass(frozen=True)
class FolderSource:
    """A folder with safetensors; `metadata` is another file of the same vocabulary."""

    name: str
    sha256: str
    metadata: Any
    folder: Path
    places: dict[str, tuple[Path, str, tuple[int, ...]]]
    """GGUF name: the file, the name in it, the shape."""

    @property
    def layers_sha256(self) -> str:
        """Its own."""
        return self.sha256

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor and its shape."""
        return {name: shape for name, (_, _, shape) in self.places.items()}

    def tensor(self, name: str) -> Any:
        """One tensor as a float32 array."""
        path, key, _ = self.places[name]
        return _loaded(path, key)


def find_source(base: str, like: str, paths: Paths) -> Source:
    """The base that a configuration names.

    Raises QuantizationError for what is no Qwen2 model, ModelMissing, UsageError.
    """
    path = Path(base).expanduser()
    if path.is_dir():
        return _folder(path, _read(like, paths).metadata)
    return _read(base, paths)


def _read(reference: str, paths: Paths) -> GgufSource:
    """A base of the catalogue or a GGUF file."""
    path = Path(reference).expanduser()
    if path.suffix.lower() == ".gguf":
        if not path.is_file():
            raise QuantizationError(f"there is no file {path}", hint="check base and like")
        name, digest = path.name, sha256_of_file(path)
    else:
        entry = load_catalogue(paths).base(reference)
        path, name, digest = Store(paths.models).trusted(entry), entry.name, entry.sha256
    return GgufSource(name, digest, open_gguf(path), path)


def open_gguf(path: Path) -> Any:
    """A reader of a Qwen2 file. Raises QuantizationError for anything else."""
    gguf = require("gguf", "quantize")
    try:
        reader = gguf.GGUFReader(path)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise QuantizationError(f"{path} is no readable GGUF file: {error}") from error
    found = reader.get_field("general.architecture")
    kind = None if found is None else found.contents()
    if kind != ARCHITECTURE:
        raise QuantizationError(f"{path} is a {kind} model; this stage knows {ARCHITECTURE}")
    return reader


def _folder(folder: Path, metadata: Any) -> FolderSource:
    files = sorted(folder.glob("*.safetensors"))
    if not files or not (folder / "config.json").is_file():
        raise QuantizationError(f"{folder} has no safetensors with a config.json")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    _check_alike(config, metadata, folder)
    gguf = require("gguf", "quantize")
    known = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, config["num_hidden_layers"])
    places = {}
    for path in files:
        for key, shape in _keys(path):
            name = known.get_name(key, try_suffixes=(".weight", ".bias"))
            if name is None:
                raise QuantizationError(f"{path} has {key}, which no Qwen2 model has")
            places[name] = (path, key, shape)
    if "output.weight" not in places and not config.get("tie_word_embeddings"):
        raise QuantizationError(f"{folder} has no lm_head.weight, and its embeddings are not tied")
    digest = address_of({path.name: sha256_of_file(path) for path in files})
    return FolderSource(folder.name, digest, metadata, folder, places)


_SAME = {
    "num_hidden_layers": "qwen2.block_count",
    "hidden_size": "qwen2.embedding_length",
    "intermediate_size": "qwen2.feed_forward_length",
    "num_attention_heads": "qwen2.attention.head_count",
    "num_key_value_heads": "qwen2.attention.head_count_kv",
}


def _check_alike(config: dict[str, Any], metadata: Any, folder: Path) -> None:
    """The shape that the metadata states must be the folder's."""
    for key, name in _SAME.items():
        field = metadata.get_field(name)
        ours, theirs = config.get(key), None if field is None else field.contents()
        if ours != theirs:
            raise QuantizationError(
                f"{folder} has {key} {ours}, the file that `like` names has {theirs}",
                hint="set like to a base of the same size",
            )


def _keys(path: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    with require("safetensors", "quantize").safe_open(path, framework="numpy") as file:
        for key in sorted(file.keys()):
            yield key, tuple(file.get_slice(key).get_shape())


def _loaded(path: Path, key: str) -> Any:
    """NumPy has no bfloat16, so its bits are put into the upper half of a float32."""
    numpy = require("numpy", "quantize")
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[key]
        begin, end = entry["data_offsets"]
        file.seek(8 + length + begin)
        raw = file.read(end - begin)
    kinds = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
    if entry["dtype"] not in kinds:
        raise QuantizationError(f"{path}: {key} is of type {entry['dtype']}")
    values = numpy.frombuffer(raw, kinds[entry["dtype"]]).reshape(entry["shape"])
    if entry["dtype"] == "BF16":
        return (values.astype("<u4") << 16).view("<f4")
    return values.astype("<f4")
