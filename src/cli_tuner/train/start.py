"""An adapter that training goes on from, instead of from nothing: the values of a GGUF LoRA.

It must be of the same base, rank, alpha and modules. The values are float16, so the training begins
from exactly what is served, not from the float32 values of the run that it came from; the moments
of the optimizer begin anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cli_tuner.artifacts import require
from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.errors import TrainingError
from cli_tuner.models.entry import BASE_KEY
from cli_tuner.models.reference import adapter_file
from cli_tuner.settings import Paths
from cli_tuner.train.base import GGUF_MODULE, Frozen
from cli_tuner.train.lora import Adapter


@dataclass(frozen=True)
class Start:
    """A GGUF LoRA by name, file and digest."""

    name: str
    file: Path
    sha256: str

    def put_on(self, adapter: Adapter, base: Frozen) -> None:
        """Give the adapter these values. Raises TrainingError if they are not for it."""
        reader = _opened(self.file)
        alpha, made_for = reader.get_field("adapter.lora.alpha"), reader.get_field(BASE_KEY)
        if alpha is None:
            raise TrainingError(f"{self.file} is no GGUF LoRA: it does not say adapter.lora.alpha")
        if made_for is not None and str(made_for.contents()) != base.sha256:
            raise TrainingError(
                f"the adapter {self.name} was made for another base than {base.name}",
                hint="check lora.start",
            )
        if float(alpha.contents()) != adapter.alpha:
            raise TrainingError(
                f"the adapter {self.name} has alpha {alpha.contents():g}, not {adapter.alpha:g}",
                hint="set lora.alpha and lora.rank to what it has",
            )
        sides = {one.name: torch.from_numpy(one.data.copy()).float() for one in reader.tensors}
        try:
            adapter.put(_pairs(sides))
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainingError(
                f"the adapter {self.name} has another rank or other modules",
                hint="set lora.rank and lora.modules to what it has",
            ) from error


def find_start(reference: str, paths: Paths) -> Start:
    """The adapter of this name in the catalogue, or this GGUF file.

    Raises UsageError for an unknown name, ModelMissing, or TrainingError for a file that is not
    there.
    """
    name, path = adapter_file(reference, paths)
    if not path.is_file():
        raise TrainingError(f"there is no adapter {path}", hint="check lora.start")
    return Start(name, path, sha256_of_file(path))


def _opened(path: Path) -> Any:
    try:
        return require("gguf", "train").GGUFReader(path)
    except ValueError as error:
        raise TrainingError(f"{path} is no GGUF file: {error}") from error


def _pairs(sides: dict[str, Tensor]) -> Iterator[tuple[int, str, Tensor, Tensor]]:
    """(layer, module, A, B) of every pair. Raises KeyError for what is no pair of a layer."""
    modules = {stem: module for module, stem in GGUF_MODULE.items()}
    for key, down in sides.items():
        if key.endswith(".lora_a"):
            _, layer, stem, *_ = key.split(".")
            yield int(layer), modules[stem], down, sides[f"{key.removesuffix('_a')}_b"]
