"""An adapter to be merged: W + alpha/rank * B A (Hu et al. 2021, arXiv:2106.09685)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.errors import QuantizationError
from cli_tuner.models.entry import BASE_KEY
from cli_tuner.models.reference import adapter_file
from cli_tuner.quantize.source import Source, open_gguf
from cli_tuner.settings import Paths


@dataclass(frozen=True)
class Lora:
    """The pairs of a GGUF LoRA, by the name of the tensor that they change."""

    name: str
    sha256: str
    alpha: float
    pairs: dict[str, tuple[Any, Any]]
    """A (r, in) and B (out, r)."""
    base_sha256: str | None

    def merged(self, name: str, weights: Any) -> Any:
        """The tensor (out, in) with the adapter's change added; itself if there is none."""
        if name not in self.pairs:
            return weights
        a, b = (side.astype("float32") for side in self.pairs[name])
        if (b.shape[0], a.shape[1]) != weights.shape:
            raise QuantizationError(f"the adapter {self.name} does not fit {name} of the base")
        return weights + (self.alpha / len(a)) * (b @ a)


def find_lora(reference: str, base: Source, paths: Paths) -> Lora:
    """The adapter that a configuration names, checked against the base.

    Raises QuantizationError if it was made for another base, or names tensors that the base does
    not have; ModelMissing; UsageError.
    """
    name, path = adapter_file(reference, paths)
    if not path.is_file():
        raise QuantizationError(f"there is no adapter {path}", hint="check adapter")
    reader = open_gguf(path)
    alpha = reader.get_field("adapter.lora.alpha")
    if alpha is None:
        raise QuantizationError(f"{path} is no GGUF LoRA: it does not say adapter.lora.alpha")
    made_for = reader.get_field(BASE_KEY)
    found = Lora(
        name=name,
        sha256=sha256_of_file(path),
        alpha=float(alpha.contents()),
        pairs=_pairs(reader, path),
        base_sha256=None if made_for is None else str(made_for.contents()),
    )
    _check_fits(found, base)
    return found


def _pairs(reader: Any, path: Path) -> dict[str, tuple[Any, Any]]:
    sides = {one.name: one.data for one in reader.tensors}
    names = {name.rpartition(".")[0] for name in sides}
    try:
        return {name: (sides[f"{name}.lora_a"], sides[f"{name}.lora_b"]) for name in sorted(names)}
    except KeyError as error:
        raise QuantizationError(f"{path} has no tensor {error.args[0]}") from error


def _check_fits(lora: Lora, base: Source) -> None:
    if lora.base_sha256 not in (None, base.sha256, base.layers_sha256) and base.sha256:
        raise QuantizationError(
            f"the adapter {lora.name} was made for a base with the digest "
            f"{str(lora.base_sha256)[:12]}, {base.name} has {base.sha256[:12]}",
            hint="merge it into the base that it was trained on",
        )
    unknown = sorted(set(lora.pairs) - set(base.shapes))
    if unknown:
        raise QuantizationError(
            f"the base {base.name} has no {unknown[0]}, which the adapter changes"
        )
