"""`cli-tuner run quantize`: base + adapter -> float16 -> the file types that were asked for.

<output>/<name>/
  <name>-<type>.gguf       one for each entry of `files`; with `trim`, fewer tokens
  report.json  report.md   sizes, bits a weight, tensor types, what the files say of themselves
  provenance.json          base, adapter, quantizer, configuration, digests
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Made, Progress, Stage
from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.errors import QuantizationError
from cli_tuner.quantize.config import Output, QuantizeConfig
from cli_tuner.quantize.inspect import Finding, inspect
from cli_tuner.quantize.lora import Lora, find_lora
from cli_tuner.quantize.merge import provenance_keys, write_merged
from cli_tuner.quantize.program import Quantizer, find_quantizer, quantize
from cli_tuner.quantize.source import GgufSource, Source, find_source
from cli_tuner.quantize.trimmed import trim_keys, write_trimmed
from cli_tuner.settings import Paths

_SPARE_BYTES = 100_000_000
_K_BLOCK = 256


def make(config: QuantizeConfig, folder: Path, progress: Progress) -> Made:
    """Merge, quantize, read back. Raises QuantizationError; nothing is kept then."""
    needs_program = any(file.type not in ("F16", "COPY") for file in config.files)
    quantizer = find_quantizer(config.threads) if needs_program else None
    paths = Paths.of()
    progress.step(f"read {config.base}")
    source = find_source(config.base, config.like, paths)
    lora = None if config.adapter is None else find_lora(config.adapter, source, paths)
    _check_rows(source, config)
    _check_room(source, config, folder)
    making = _Making(config, folder, source, lora)
    if config.merges:
        write_merged(config, source, lora, making.merged, progress)
    findings = [making.file(output, quantizer, progress) for output in config.files]
    making.clear()
    _refuse(findings)
    facts = _facts(config, source, lora, quantizer, findings)
    (folder / "report.json").write_text(f"{json.dumps(facts, indent=2)}\n", encoding="utf-8")
    (folder / "report.md").write_text(_markdown(config, facts), encoding="utf-8")
    return Made(facts, tuple(_line(one) for one in findings))


class _Making:
    """The files, one after another; what was made on the way goes at the end."""

    def __init__(
        self, config: QuantizeConfig, folder: Path, source: Source, lora: Lora | None
    ) -> None:
        self._config = config
        self._folder = folder
        self._source = source
        self._keys = provenance_keys(source, lora)
        self.merged = self._path("f16")

    def _path(self, label: str) -> Path:
        return self._folder / f"{self._config.name}-{label}.gguf"

    def file(self, output: Output, quantizer: Quantizer | None, progress: Progress) -> Finding:
        """One file that was asked for, read back."""
        path, keys = self._path(output.label), self._keys
        whole, digest = self._whole(output, quantizer, progress)
        if output.trim is not None:
            digest = digest or sha256_of_file(whole)
            write_trimmed(whole, path, output.trim, digest, progress)
            keys = trim_keys(output.trim, digest)
            if output.type != "COPY":
                keys = self._keys | keys
        return inspect(path, output.type, keys, set(self._source.shapes))

    def _whole(
        self, output: Output, quantizer: Quantizer | None, progress: Progress
    ) -> tuple[Path, str]:
        """The file with every token and, if it is the base itself, its digest."""
        if output.type == "COPY":
            if not isinstance(self._source, GgufSource):
                raise QuantizationError("COPY needs a base that is a GGUF file")
            return self._source.path, self._source.sha256
        path = self._path(output.untrimmed)
        if output.type != "F16" and quantizer is not None and not path.exists():
            quantize(quantizer, output, self.merged, path, progress)
        return path, ""

    def clear(self) -> None:
        """Remove what nobody asked for."""
        wanted = {self._path(output.label) for output in self._config.files}
        for path in self._folder.glob(f"{self._config.name}-*.gguf"):
            if path not in wanted:
                path.unlink()


def _check_rows(source: Source, config: QuantizeConfig) -> None:
    """A type of its own that was asked for holds rows of whole blocks; the program would abort."""
    width = source.shapes["token_embd.weight"][-1]
    for output in config.files:
        for kind in (output.output_matrix, output.embedding):
            if kind is not None and kind.endswith("_K") and width % _K_BLOCK:
                raise QuantizationError(
                    f"{output.label}: {kind} needs rows of whole blocks of {_K_BLOCK}; "
                    f"{source.name} has rows of {width}",
                    hint="take q8_0, q5_0, q4_0 or iq4_nl",
                )


def _check_room(source: Source, config: QuantizeConfig, folder: Path) -> None:
    """Before an hour's work: float16 for the merged model, and at most a byte a weight a file."""
    weights = 0
    for shape in source.shapes.values():
        size = 1
        for one in shape:
            size *= one
        weights += size
    needed = weights * (2 * config.merges + len(config.files)) + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise QuantizationError(
            f"{needed / 1e9:.1f} GB are needed below {folder.parent}, {free / 1e9:.1f} GB are free",
            hint="make room, or choose another --out",
        )


def _refuse(findings: list[Finding]) -> None:
    """A file without its tensors or its origin is a mistake; an odd size is a remark."""
    for one in findings:
        wrong = [text for text in one.remarks if "bits a weight" not in text]
        if wrong:
            raise QuantizationError(f"{one.file}: {wrong[0]}")


def _facts(
    config: QuantizeConfig,
    source: Source,
    lora: Lora | None,
    quantizer: Quantizer | None,
    findings: list[Finding],
) -> dict[str, Any]:
    return {
        "model": {
            "base": {"name": source.name, "sha256": source.sha256},
            "adapter": None if lora is None else {"name": lora.name, "sha256": lora.sha256},
            "license": config.licence,
            "quantizer": None if quantizer is None else quantizer.origin,
            "files": [one.as_json() for one in findings],
        }
    }


def _line(one: Finding) -> str:
    remark = f" ({'; '.join(one.remarks)})" if one.remarks else ""
    return f"{one.file}: {one.bytes / 1e6:,.0f} MB, {one.bits:.2f} bits a weight{remark}"


def _markdown(config: QuantizeConfig, facts: dict[str, Any]) -> str:
    model = facts["model"]
    adapter = model["adapter"]["name"] if model["adapter"] else "no adapter"
    lines = [
        f"# {config.name}",
        "",
        f"{model['base']['name']} with {adapter}, by {model['quantizer'] or 'no quantizer'}.",
        "",
        "| file | MB | bits a weight | tensor types, by weights | remarks |",
        "|---|---|---|---|---|",
    ]
    for one in model["files"]:
        types = ", ".join(
            f"{name} {count / one['weights']:.0%}" for name, count in one["weights_by_type"].items()
        )
        lines.append(
            f"| {one['file']} | {one['bytes'] / 1e6:,.0f} | {one['bits_per_weight']:.2f} | {types} "
            f"| {'; '.join(one['remarks'])} |"
        )
    return "\n".join(lines) + "\n"


STAGE: Stage[QuantizeConfig] = Stage(
    name="quantize",
    config=QuantizeConfig,
    make=make,
    packages=("gguf", "numpy", "safetensors", "ik-llama-cpp-python"),
)
