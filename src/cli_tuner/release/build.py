"""Build a release: collect, hash, describe, sign. The folder appears whole or not at all."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cli_tuner import __version__
from cli_tuner.artifacts.artifact import open_artifact, sha256_of_file
from cli_tuner.artifacts.provenance import code_state
from cli_tuner.artifacts.staging import staged
from cli_tuner.errors import ReleaseError
from cli_tuner.guard import load_policy, ruleset_digest
from cli_tuner.models import ResolvedModel, load_catalogue, resolve
from cli_tuner.prompt import TEMPLATE_SHA256
from cli_tuner.records import Safety
from cli_tuner.release import bom
from cli_tuner.release.manifest import (
    BOM,
    EVALUATION,
    MANIFEST,
    SIGNATURE,
    Bounds,
    Code,
    Evaluation,
    Manifest,
    Model,
    Weights,
    as_bytes,
    check_version,
)
from cli_tuner.release.signing import PRIVATE, sign
from cli_tuner.release.slots import link_or_copy, releases
from cli_tuner.settings import Paths, Settings, private_folder


@dataclass(frozen=True)
class Order:
    """What a release is to be made of."""

    version: str
    policy_version: str
    model: str
    """As `--model` takes it."""
    evaluation: Path
    """The folder that `run evaluate` made."""
    data: tuple[Path, ...] = ()
    """The folders of the data sets that the weights were trained on."""
    licence: str | None = None
    """Of weights that the catalogue does not know (an SPDX identifier)."""
    accepted: tuple[str, ...] = ()
    """Names of the evaluation's gates that may have failed."""
    bounds: Bounds = field(default_factory=Bounds)
    key: Path | None = None


def build(order: Order, settings: Settings, paths: Paths) -> Path:
    """Make and sign it; its folder.

    Raises ReleaseError if the version exists or something is missing, and what reading the
    model, the data sets and the evaluation raises.
    """
    check_version(order.version, "version")
    check_version(order.policy_version, "policy version")
    target = releases(paths) / order.version
    if target.exists():
        raise ReleaseError(f"release {order.version} exists", hint="a release never changes")
    model = resolve(order.model, paths)
    data = [bom.data_set_of(open_artifact(folder)) for folder in order.data]
    report = open_artifact(order.evaluation).folder / "results.json"
    private_folder(paths.state)
    private_folder(releases(paths))
    with staged(target) as folder:
        (folder / EVALUATION).parent.mkdir()
        (folder / EVALUATION).write_bytes(report.read_bytes())
        weights = _Shelf(order, paths, folder).model(model)
        made = _manifest(order, settings, paths, weights, sha256_of_file(folder / EVALUATION))
        results = _results(folder / EVALUATION)
        document = bom.bill(bom.Subject(order.version, weights), data, results, made.created_at)
        bom.write(document, folder / BOM)
        files = {**made.files, BOM: sha256_of_file(folder / BOM)}
        raw = as_bytes(made.model_copy(update={"files": files}))
        (folder / MANIFEST).write_bytes(raw)
        (folder / SIGNATURE).write_bytes(sign(raw, order.key or paths.config / PRIVATE))
    return target


def bounds_from(path: Path) -> Bounds:
    """The bounds in a TOML file; what it does not name has its default.

    Raises ReleaseError for anything else in it.
    """
    try:
        return Bounds.model_validate_strings(
            {name: str(value) for name, value in tomllib.loads(path.read_text("utf-8")).items()}
        )
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        known = ", ".join(Bounds.model_fields)
        raise ReleaseError(f"{path}: {place}: {first['msg']}", hint=f"known: {known}") from error
    except ValueError as error:
        raise ReleaseError(f"{path}: {error}") from error


@dataclass(frozen=True)
class _Shelf:
    """The folder that is being filled with weights."""

    order: Order
    paths: Paths
    folder: Path

    def model(self, model: ResolvedModel) -> Model:
        """All weights of a model, in the folder."""
        name = Path(model.name).stem if model.name.endswith(".gguf") else model.name
        stem = f"{name}-{self.order.version}"
        base = self._weights(model.path, model.name, f"{stem}.gguf")
        if model.adapter_path is None:
            return Model(name=name, base=base)
        source = model.adapter or model.adapter_path.name
        adapter = self._weights(model.adapter_path, source, f"{stem}.adapter.gguf")
        return Model(name=name, base=base, adapter=adapter)

    def _weights(self, path: Path, source: str, name: str) -> Weights:
        if path.resolve().is_relative_to(self.paths.models.resolve()):
            link_or_copy(path.resolve(), self.folder / name)  # the store never writes into a file
        else:
            shutil.copyfile(path, self.folder / name)
        digest = sha256_of_file(self.folder / name)
        known = next((one for one in load_catalogue(self.paths) if one.sha256 == digest), None)
        licence = (known.licence if known is not None else "") or self.order.licence
        if not licence:
            raise ReleaseError(f"the licence of {source} is not known", hint="say it: --licence")
        return Weights(
            file=name,
            sha256=digest,
            size_bytes=(self.folder / name).stat().st_size,
            source=known.name if known is not None else source,
            licence=licence,
        )


def _manifest(
    order: Order, settings: Settings, paths: Paths, model: Model, report: str
) -> Manifest:
    policy = load_policy(paths, None)
    safety = policy.tightened(Safety(settings.safety))
    code = code_state()
    files = {weights.file: weights.sha256 for weights in (model.base, model.adapter) if weights}
    return Manifest(
        version=order.version,
        policy_version=order.policy_version,
        created_at=datetime.now(UTC).replace(microsecond=0),
        model=model,
        template_sha256=TEMPLATE_SHA256,
        ruleset_sha256=ruleset_digest(),
        policy_sha256=policy.digest(safety),
        safety=safety,
        evaluation=Evaluation(sha256=report, accepted=order.accepted),
        bounds=order.bounds,
        code=Code(
            version=__version__, commit=code["commit"], changed=code.get("changed") == "true"
        ),
        files={**files, EVALUATION: report},
    )


def _results(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ReleaseError(f"{path.name} of the evaluation is not JSON") from error
    if not isinstance(found, dict):
        raise ReleaseError(f"{path.name} of the evaluation is not a report")
    return found
