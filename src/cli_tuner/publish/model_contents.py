"""What a model's repository gets.

README.md                       the card
adapter/<name>.gguf             for llama.cpp, on the official base file
peft/                           the same for transformers and peft
<name>-Q4_K_M.gguf  variants/   merged files, if there are any
Modelfile  template  params     for Ollama
bom.json                        CycloneDX 1.6
record.json                     what the card was written from
provenance.json                 the run; data-provenance.json: its data
metrics.jsonl  curves.png       how training went
evaluation/<name>/results.json
SHA256SUMS  SHA256SUMS.sig
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cli_tuner.errors import NotPublishable
from cli_tuner.publish.evaluations import with_evaluations
from cli_tuner.publish.merged import open_merged
from cli_tuner.publish.model import ADAPTER, Merged, TrainedModel, as_bytes
from cli_tuner.publish.model_card import model_card
from cli_tuner.publish.ollama import modelfile, params, template
from cli_tuner.publish.package import Package, pack
from cli_tuner.publish.trained import open_trained
from cli_tuner.release import bom
from cli_tuner.release.manifest import Model, Weights
from cli_tuner.settings import Paths

_PEFT = ("adapter_config.json", "adapter_model.safetensors")
_PLAIN = ("metrics.jsonl", "curves.png")


@dataclass(frozen=True)
class ModelSources:
    """The stages' folders. `licence` is the adapter's; None: as the catalogue says."""

    run: Path
    data: Path
    evaluations: tuple[Path, ...] = ()
    merged: tuple[Path, ...] = ()
    licence: str | None = None

    def open(self, paths: Paths) -> TrainedModel:
        """Everything that is known of the model. Raises as opening each folder does."""
        model, _ = self._opened(paths)
        return model

    def package(self, paths: Paths, repo: str, version: str | None) -> tuple[TrainedModel, Package]:
        """The model, and all of it that goes into the repository `owner/name`; not signed yet.

        `version` is a semantic version for the bill of materials. Raises NotPublishable if a part
        is missing, and as opening each folder does.
        """
        model, merged = self._opened(paths)
        adapter = f"adapter/{model.name}.gguf"
        files: dict[str, Path | bytes] = {
            "README.md": model_card(model, repo).encode(),
            adapter: self.run / "models" / f"{model.name}.gguf",
            "bom.json": _as_json(_bill(model, adapter, version)),
            "record.json": as_bytes(model),
            "provenance.json": self.run / "provenance.json",
            "data-provenance.json": self.data / "provenance.json",
            "Modelfile": modelfile(model, adapter).encode(),
            "template": template().encode(),
            "params": params().encode(),
            **merged,
            **dict(self._from_run()),
            **dict(self._results(model)),
        }
        return model, pack(files)

    def _opened(self, paths: Paths) -> tuple[TrainedModel, dict[str, Path]]:
        """The model, and its merged files by their paths in the repository."""
        model = open_trained(self.run, self.data, self.licence, paths)
        found: dict[Merged, Path] = {}
        for folder in self.merged:
            found |= open_merged(folder, model)
        merged = {one.file: path for one, path in found.items()}
        if len(merged) != len(found):
            raise NotPublishable("two merged files have the same type", hint="give one of them")
        model = replace(model, merged=tuple(found))
        return with_evaluations(model, self.evaluations), merged

    def _from_run(self) -> Iterator[tuple[str, Path]]:
        for name in _PEFT:
            path = self.run / "peft" / name
            if not path.is_file():
                raise NotPublishable(f"{path} is missing", hint="train again: cli-tuner run train")
            yield f"peft/{name}", path
        for name in _PLAIN:
            if (self.run / name).is_file():
                yield name, self.run / name

    def _results(self, model: TrainedModel) -> Iterator[tuple[str, Path]]:
        """The reports in numbers. Answers stay at home: some are dangerous."""
        for folder, one in zip(self.evaluations, model.evaluations, strict=True):
            yield f"evaluation/{one.name}/results.json", folder / "results.json"


def _bill(model: TrainedModel, adapter: str, version: str | None) -> dict[str, Any]:
    base = model.base
    whole = Model(
        name=model.name,
        base=Weights(file=base.file, sha256=base.sha256, size_bytes=base.size_bytes,
                     source=base.name, licence=base.licence),
        adapter=Weights(file=adapter, sha256=model.sha256, size_bytes=model.size_bytes,
                        source=model.name, licence=model.licence),
    )  # fmt: skip
    merged = [
        Weights(file=one.file, sha256=one.sha256, size_bytes=one.size_bytes,
                source=f"{model.name} merged, {one.type}", licence=model.licence)
        for one in model.merged
    ]  # fmt: skip
    data = bom.DataSet(
        str(model.data["name"]),
        str(model.data["address"]),
        tuple(sorted({share.licence for share in model.shares})),
        str(model.data.get("config", {}).get("description") or "").strip(),
    )
    sets = {
        f"{results['name']} / {name}": one
        for results in model.results_of(ADAPTER)
        for name, one in results["sets"].items()
    }
    finished = datetime.fromisoformat(str(model.run["finished_at"]))
    number = version or f"sha256-{model.sha256[:12]}"
    subject = bom.Subject(number, whole, tuple(merged))
    return bom.bill(subject, [data], {"sets": sets}, finished)


def _as_json(document: dict[str, Any]) -> bytes:
    return f"{json.dumps(document, indent=2)}\n".encode()
