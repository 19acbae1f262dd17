"""The frozen base: a folder with safetensors, config.json and tokenizer.json, as transformers has.

A GGUF file is dequantized into such a folder once: the adapter is then trained on the very values
that the engine computes with, not on the original weights that the file approximates.

    q [Q4_K ...] -> float32 -> bfloat16        one-dimensional tensors stay float32

Names and layout of the tensors: ggml-org/llama.cpp, gguf-py (MIT), and transformers' Qwen2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Progress, require
from cli_tuner.artifacts.artifact import address_of, sha256_of_file
from cli_tuner.artifacts.staging import staged
from cli_tuner.errors import ModelCorrupt, TrainingError
from cli_tuner.models import Store, load_catalogue
from cli_tuner.models.reference import is_path
from cli_tuner.settings import Paths
from cli_tuner.train.config import Base
from cli_tuner.vocabulary import tokenizer_of

CONVERTED = "1"
"""Raised when a converted folder of an earlier version must not be used again."""

_WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_IN_A_BLOCK = {
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
GGUF_MODULE = {name.rpartition(".")[2]: key for key, name in _IN_A_BLOCK.items()}
"""q_proj -> attn_q, and so on."""


@dataclass(frozen=True)
class Frozen:
    """A base that is here. `sha256` is that of the GGUF file, or over the safetensors files."""

    name: str
    folder: Path
    sha256: str
    gguf: Path | None = None
    repo: str = ""
    revision: str = ""
    licence: str = ""
    serves: tuple[str, str] | None = None
    """Name and SHA-256 of the catalogue's base that an adapter is applied to."""


def find_base(base: Base, base_file: str | None, paths: Paths, progress: Progress) -> Frozen:
    """The base as a folder; fetched or converted if need be.

    Raises ModelMissing, ModelCorrupt, or TrainingError for what is no Qwen2 model.
    """
    catalogue = load_catalogue(paths)
    served = catalogue.base(base.serve) if base.serve else None
    serves = (served.name, served.sha256) if served else None
    if base.model in catalogue.bases:
        entry = catalogue.base(base.model)
        serves = serves or (entry.name, entry.sha256)
        if base_file is None:
            path = Store(paths.models).trusted(entry)
        else:
            path = Path(base_file).expanduser()
            _check_digest(path, entry.sha256, entry.name)
        repo, revision = (entry.hub.repo, entry.hub.revision) if entry.hub else ("", "")
        folder = converted(path, entry.sha256, paths, progress)
        return Frozen(entry.name, folder, entry.sha256, path, repo, revision, entry.licence, serves)
    path = Path(base.model).expanduser()
    if path.suffix.lower() == ".gguf":
        digest = _digest(path)
        folder = converted(path, digest, paths, progress)
        return Frozen(path.name, folder, digest, path, serves=serves)
    if path.is_dir():
        return Frozen(path.name, path, digest_of_folder(path), serves=serves)
    if is_path(base.model) and base.model.count("/") != 1:
        raise TrainingError(f"there is no base {base.model}", hint="check base.model")
    folder = _from_hub(base, progress)
    digest = digest_of_folder(folder)
    return Frozen(base.model, folder, digest, None, base.model, folder.name, serves=serves)


def _digest(path: Path) -> str:
    try:
        return sha256_of_file(path)
    except OSError as error:
        raise TrainingError(f"cannot read the base {path}: {error.strerror}") from error


def _check_digest(path: Path, expected: str, name: str) -> None:
    found = _digest(path)
    if found != expected:
        raise ModelCorrupt(
            f"{path} has the digest {found[:12]}, {name} has {expected[:12]}",
            hint="give the file that the catalogue names",
        )


def digest_of_folder(folder: Path) -> str:
    """One digest over all safetensors files of a folder.

    Raises TrainingError if there is none.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise TrainingError(f"{folder} has no safetensors", hint="check base.model")
    return address_of({path.name: sha256_of_file(path) for path in files})


def _from_hub(base: Base, progress: Progress) -> Path:
    hub = require("huggingface_hub", "train")
    progress.step(f"fetch {base.model}")
    try:
        found: str = hub.snapshot_download(
            base.model, revision=base.revision, allow_patterns=["*.safetensors", "*.json"]
        )
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TrainingError(
            f"cannot fetch {base.model}: {first}", hint="give a local folder as base.model"
        ) from error
    return Path(found)


def converted(gguf: Path, sha256: str, paths: Paths, progress: Progress) -> Path:
    """The folder with the file's dequantized weights; made once, then taken from the cache."""
    folder = paths.cache / "bases" / f"{sha256[:16]}-{CONVERTED}"
    if not (folder / "config.json").exists():
        with staged(folder) as scratch:
            convert(gguf, scratch, progress)
    return folder


def convert(gguf: Path, folder: Path, progress: Progress) -> None:
    """Dequantize a Qwen2 GGUF file into a folder that transformers loads.

    Needs memory for the whole model in bfloat16 (2 bytes a weight).
    Raises TrainingError for another architecture.
    """
    reader = require("gguf", "train").GGUFReader(gguf)
    torch = require("torch", "train")
    config = _config_of(reader, gguf)
    tensors = {}
    progress.step(f"dequantize {gguf.name}", len(reader.tensors))
    for name, values in _dequantized(reader):
        # .copy(): a float32 tensor is a view of the file, which must not outlive the reader
        value = torch.from_numpy(values.copy())
        tensors[name] = value if value.ndim == 1 else value.to(torch.bfloat16)
        progress.advance()
    config["tie_word_embeddings"] = "lm_head.weight" not in tensors
    require("safetensors.torch", "train").save_file(
        tensors, folder / "model.safetensors", metadata={"format": "pt"}
    )
    tokenizer_of(gguf).save(str(folder / "tokenizer.json"))
    text = json.dumps(config, indent=2)
    (folder / "config.json").write_text(f"{text}\n", encoding="utf-8")


def _dequantized(reader: Any) -> Iterator[tuple[str, Any]]:
    """Every tensor's name in transformers and its float32 values, (out, in)."""
    dequantize = require("gguf.quants", "train").dequantize
    for tensor in reader.tensors:
        yield hugging_face_name(tensor.name), dequantize(tensor.data, tensor.tensor_type)


def hugging_face_name(name: str) -> str:
    """blk.3.attn_q.weight -> model.layers.3.self_attn.q_proj.weight."""
    if name in _WHOLE:
        return _WHOLE[name]
    blk, number, module, kind = name.split(".")
    if blk != "blk" or module not in _IN_A_BLOCK:
        raise TrainingError(f"the base has a tensor {name} that no Qwen2 model has")
    return f"model.layers.{number}.{_IN_A_BLOCK[module]}.{kind}"


def _config_of(reader: Any, gguf: Path) -> dict[str, Any]:
    def field(key: str) -> Any:
        found = reader.get_field(key)
        if found is None:
            raise TrainingError(f"{gguf} does not say {key}")
        return found.contents()

    if field("general.architecture") != "qwen2":
        raise TrainingError(
            f"{gguf} is a {field('general.architecture')} model; this engine trains qwen2",
            hint="use engine: axolotl",
        )
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "num_hidden_layers": field("qwen2.block_count"),
        "hidden_size": field("qwen2.embedding_length"),
        "intermediate_size": field("qwen2.feed_forward_length"),
        "num_attention_heads": field("qwen2.attention.head_count"),
        "num_key_value_heads": field("qwen2.attention.head_count_kv"),
        "max_position_embeddings": field("qwen2.context_length"),
        "rms_norm_eps": field("qwen2.attention.layer_norm_rms_epsilon"),
        "rope_theta": field("qwen2.rope.freq_base"),
        "vocab_size": len(field("tokenizer.ggml.tokens")),
        "hidden_act": "silu",
        "torch_dtype": "bfloat16",
        "eos_token_id": field("tokenizer.ggml.eos_token_id"),
    }
