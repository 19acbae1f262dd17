"""Merged GGUF files that the quantize stage made, under the names that Ollama finds on the Hub.

`ollama run hf.co/OWNER/NAME:Q4_K_M` looks for a file of that quantization at the top of the
repository, so the type ends the name: fast-v3-Q4_K_M.gguf. Files in which single tensors have a
type of their own would answer to the same tag; they are below `variants/` and are asked for by
their whole name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Artifact
from cli_tuner.errors import NotPublishable, UsageError
from cli_tuner.publish.dataset import whole_artifact
from cli_tuner.publish.model import Merged, TrainedModel

PREFERRED = "Q4_K_M"
"""What Ollama takes if nobody names a type."""


def open_merged(folder: Path, model: TrainedModel) -> dict[Merged, Path]:
    """Every file of a quantize stage's folder, with its path on this disk.

    Raises UsageError if there is no such folder, NotPublishable if the files were not merged from
    this base and this adapter.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="make it: cli-tuner run quantize")
    made = whole_artifact(folder, "quantize")
    facts = made.provenance["model"]
    pair = facts["base"]["sha256"], (facts["adapter"] or {}).get("sha256")
    if pair != (model.base.sha256, model.sha256):
        raise NotPublishable(f"{folder} was not merged from {model.base.name} and {model.name}")
    return dict(_files(made, facts, model.name))


def _files(made: Artifact, facts: Mapping[str, Any], name: str) -> Iterator[tuple[Merged, Path]]:
    wanted = made.provenance["config"]["files"]
    for order, found in zip(wanted, facts["files"], strict=True):
        own = [order[key] for key in ("output_matrix", "embedding") if order.get(key)]
        file = f"{name}-{order['type']}.gguf"
        if own:
            file = f"variants/{found['file']}"
        merged = Merged(
            file=file,
            type=order["type"],
            size_bytes=int(found["bytes"]),
            sha256=made.digests[found["file"]],
            bits_per_weight=float(found["bits_per_weight"]),
        )
        yield merged, made.folder / found["file"]


def default_of(files: tuple[Merged, ...]) -> Merged | None:
    """The file that is taken if nobody names one; None if there is none."""
    whole = [one for one in files if "/" not in one.file]
    return next((one for one in whole if one.type == PREFERRED), whole[0] if whole else None)
