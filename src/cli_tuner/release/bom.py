"""The bill of materials of a release: CycloneDX 1.6, as JSON.

Format: https://cyclonedx.org/docs/1.6/json (ECMA-424). What stands here was read from files of this
machine: digests were computed, licences are those of the catalogue, the builder or the data set's
own provenance. The serial number is made from the content, so the same release has the same one.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cli_tuner import __version__
from cli_tuner.artifacts.artifact import Artifact
from cli_tuner.errors import ReleaseError
from cli_tuner.release.manifest import Model, Weights

_NAMESPACE = uuid.UUID("6f0c0f0e-54b0-5d0e-9f0f-1d5c2a7ce6b1")
_SPDX = re.compile(r"[A-Za-z0-9.+-]+")
# Of the identifiers that SPDX lists, those that weights and data usually have. Others are names.
_SPDX_IDS = frozenset(
    """
    Apache-2.0 MIT BSD-2-Clause BSD-3-Clause ISC MPL-2.0 GPL-2.0-only GPL-2.0-or-later GPL-3.0-only
    GPL-3.0-or-later LGPL-3.0-only AGPL-3.0-only Unlicense CC0-1.0 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-3.0
    CC-BY-SA-4.0 CC-BY-NC-4.0 ODC-By-1.0 ODbL-1.0 PDDL-1.0 CDLA-Permissive-2.0
    """.split()
)


@dataclass(frozen=True)
class DataSet:
    """A data set that the weights were trained on, from its provenance."""

    name: str
    address: str
    licences: tuple[str, ...]
    description: str = ""


def data_set_of(artifact: Artifact) -> DataSet:
    """What a data artifact's provenance says. Raises ReleaseError if it names no licence."""
    provenance = artifact.provenance
    licences = provenance.get("licenses") or {}
    if provenance.get("stage") != "data" or not licences:
        raise ReleaseError(
            f"{artifact.folder} is not a data set with licences", hint="give what `run data` made"
        )
    description = (provenance.get("config") or {}).get("description") or ""
    return DataSet(
        str(provenance["name"]), artifact.address, tuple(sorted(licences)), str(description).strip()
    )


@dataclass(frozen=True)
class Subject:
    """What the document is about. `others` are files made of the model's weights."""

    version: str
    model: Model
    others: tuple[Weights, ...] = ()


def bill(
    subject: Subject, data: Sequence[DataSet], results: Mapping[str, Any], at: datetime
) -> dict[str, Any]:
    """The document. `results` is the evaluation's results.json."""
    version, model = subject.version, subject.model
    whole = _ref("model", f"{model.name}@{version}")
    used = [model.base, *([model.adapter] if model.adapter else []), *subject.others]
    parts = [_weights(one, version) for one in used]
    sets = [_data(one) for one in data]
    main = {
        "type": "machine-learning-model",
        "bom-ref": whole,
        "name": model.name,
        "version": version,
        "description": "Translates a request in English into one bash command.",
        "licenses": [_licence(weights.licence) for weights in _distinct(model)],
        "modelCard": _card(sets, results),
    }
    body = {
        "components": [*parts, *sets, _program()],
        "dependencies": [
            {"ref": whole, "dependsOn": [one["bom-ref"] for one in (*parts, *sets)]},
            *({"ref": one["bom-ref"], "dependsOn": []} for one in (*parts, *sets)),
        ],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps([main, body], sort_keys=True))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tools": {"components": [_program()]},
            "component": main,
        },
        **body,
    }


def _distinct(model: Model) -> list[Weights]:
    weights = [model.base, *([model.adapter] if model.adapter else [])]
    return list({one.licence: one for one in weights}.values())


def _weights(weights: Weights, version: str) -> dict[str, Any]:
    return {
        "type": "machine-learning-model",
        "bom-ref": _ref("weights", weights.file),
        "name": weights.source,
        "version": version,
        "hashes": [{"alg": "SHA-256", "content": weights.sha256}],
        "licenses": [_licence(weights.licence)],
        "properties": [
            {"name": "cli-tuner:file", "value": weights.file},
            {"name": "cli-tuner:bytes", "value": str(weights.size_bytes)},
        ],
    }


def _data(found: DataSet) -> dict[str, Any]:
    return {
        "type": "data",
        "bom-ref": _ref("data", f"{found.name}@{found.address[:12]}"),
        "name": found.name,
        "version": found.address,
        "description": found.description or found.name,
        "licenses": [_licence(one) for one in found.licences],
        "data": [{"type": "dataset", "name": found.name}],
        "properties": [{"name": "cli-tuner:address", "value": found.address}],
    }


def _program() -> dict[str, Any]:
    return {
        "type": "application",
        "name": "cli-tuner",
        "version": __version__,
        "licenses": [_licence("Apache-2.0")],
    }


def _card(sets: Sequence[Mapping[str, Any]], results: Mapping[str, Any]) -> dict[str, Any]:
    metrics = [
        {
            "type": f"{name} / {suite} / {measure}",
            "value": f"{found['value']:.6g}",
            "confidenceInterval": {
                "lowerBound": f"{found['low']:.6g}",
                "upperBound": f"{found['high']:.6g}",
            },
        }
        for name, one in results.get("sets", {}).items()
        for suite, part in one.get("suites", {}).items()
        for measure, found in part.get("measures", {}).items()
        if {"value", "low", "high"} <= found.keys()
    ]
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": "text-to-command generation",
            "architectureFamily": "transformer",
            "datasets": [{"ref": one["bom-ref"]} for one in sets],
            "inputs": [{"format": "text"}],
            "outputs": [{"format": "text"}],
        },
        "quantitativeAnalysis": {"performanceMetrics": metrics},
        "considerations": {
            "useCases": ["A person asks for one bash command and decides whether to run it."],
            "technicalLimitations": [
                "The command may not do what was asked. Every one is judged by the guard before it"
                " is shown, and nothing is run by itself."
            ],
        },
    }


def _licence(said: str) -> dict[str, Any]:
    known = said in _SPDX_IDS and _SPDX.fullmatch(said)
    return {"license": {"id": said} if known else {"name": said}}


def _ref(kind: str, name: str) -> str:
    return f"{kind}/{name}"


def write(document: Mapping[str, Any], path: Path) -> None:
    """Write it for people and programs. Raises OSError."""
    path.write_text(f"{json.dumps(document, indent=2)}\n", encoding="utf-8")
