"""Writing a model as GGUF in float16, the adapter added to its weights, tensor by tensor.

    header, metadata, list of tensors      from the base's own file and the configuration
    one tensor after another               float32 -> + adapter -> float16; vectors stay float32

Memory is bounded by the largest tensor (the embeddings: 4 bytes a weight), not by the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli_tuner import __version__
from cli_tuner.artifacts import Progress, require
from cli_tuner.errors import QuantizationError
from cli_tuner.models.entry import BASE_KEY
from cli_tuner.prompt import PREFIX, SUFFIX, TEMPLATE_SHA256
from cli_tuner.quantize.config import QuantizeConfig
from cli_tuner.quantize.lora import Lora
from cli_tuner.quantize.source import ARCHITECTURE, Source

_FLOAT16_MAX = 65_504.0
_NOT_TAKEN = (
    "GGUF.", "general.architecture", "general.file_type", "general.quantization_version",
    "general.name", "general.author", "general.license", "general.description", "split.",
)  # fmt: skip
_TEMPLATE = "tokenizer.chat_template"


def write_merged(
    config: QuantizeConfig, source: Source, lora: Lora | None, path: Path, progress: Progress
) -> None:
    """Write the merged model. Raises QuantizationError for weights that float16 cannot hold."""
    gguf, numpy = require("gguf", "quantize"), require("numpy", "quantize")
    writer = gguf.GGUFWriter(path, ARCHITECTURE)
    try:
        _write_metadata(writer, config, source, lora)
        shapes = source.shapes
        for name, shape in shapes.items():
            kind = "float32" if len(shape) == 1 else "float16"
            size = numpy.prod(shape, dtype="int64") * numpy.dtype(kind).itemsize
            writer.add_tensor_info(name, shape, numpy.dtype(kind), int(size))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        progress.step(f"merge {config.name}", len(shapes))
        for name in shapes:
            writer.write_tensor_data(_final(source, lora, name))
            progress.advance()
    except OSError as error:
        raise QuantizationError(
            f"cannot write {path.name}: {error.strerror}", hint="make room on the disk"
        ) from error
    finally:
        writer.close()


def _final(source: Source, lora: Lora | None, name: str) -> Any:
    values = source.tensor(name)
    if lora is not None:
        values = lora.merged(name, values)
    if values.ndim == 1:
        return values.astype("float32", copy=False)
    if not bool(abs(values).max() <= _FLOAT16_MAX):
        raise QuantizationError(f"{name} has values that float16 cannot hold")
    return values.astype("float16")


def _write_metadata(writer: Any, config: QuantizeConfig, source: Source, lora: Lora | None) -> None:
    for key, value, kind, inner in _taken(source.metadata):
        writer.add_key_value(key, value, kind, inner)
    writer.add_name(config.name)
    writer.add_license(config.licence)
    if config.author:
        writer.add_author(config.author)
    if config.description:
        writer.add_description(config.description)
    writer.add_file_type(require("gguf", "quantize").LlamaFileType.MOSTLY_F16)
    if source.metadata.get_field(_TEMPLATE) is None:
        writer.add_chat_template(_chat_template())
    for key, value in provenance_keys(source, lora).items():
        writer.add_string(key, value)


def provenance_keys(source: Source, lora: Lora | None) -> dict[str, str]:
    """What the file says of its origin."""
    found = {
        "cli-tuner.version": __version__,
        "cli-tuner.base.name": source.name,
        BASE_KEY: source.sha256,
        "cli-tuner.prompt.sha256": TEMPLATE_SHA256,
    }
    if lora is not None:
        found |= {"cli-tuner.adapter.name": lora.name, "cli-tuner.adapter.sha256": lora.sha256}
    return found


def _taken(metadata: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    """The base's own pairs: shape, tokenizer, chat template, and whatever else it says."""
    array = require("gguf", "quantize").GGUFValueType.ARRAY
    for key, field in metadata.fields.items():
        if key.startswith(_NOT_TAKEN) or key.startswith("cli-tuner."):
            continue
        kind = field.types[0]
        yield key, field.contents(), kind, field.types[-1] if kind == array else None


def _chat_template() -> str:
    """ChatML in Jinja, with the product's system text where the messages have none."""
    system = PREFIX.partition("<|im_end|>")[0].partition("system\n")[2]
    return (
        "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
        + system
        + "<|im_end|>\n' }}"
        "{% endif %}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + "
        "message['content'] + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}"
        "{{ '" + SUFFIX.partition("<|im_end|>\n")[2] + "' }}{% endif %}"
    )
