"""How every stage runs: a frozen configuration in, an artifact with its provenance out.

with staged(target) as folder:      an error anywhere leaves the target untouched
    make(config, folder)            the stage's own work
    provenance.json                 written last
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import Field

from cli_tuner.artifacts.artifact import PROVENANCE, Artifact, address_of, digests_of
from cli_tuner.artifacts.config import Config
from cli_tuner.artifacts.progress import SILENT, Progress
from cli_tuner.artifacts.provenance import code_state, now, package_versions
from cli_tuner.artifacts.staging import staged

SCHEMA_VERSION = "1"


class StageConfig(Config):
    """What every stage's configuration has."""

    operational: ClassVar[frozenset[str]] = frozenset({"output"})
    """Keys that decide how the work is done and not what comes out: no part of the identity."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """The artifact's name: the folder that is made below `output`."""
    output: str = "artifacts"
    """The folder that holds the stage's artifacts. No part of the run's identity."""


C = TypeVar("C", bound=StageConfig)


@dataclass(frozen=True)
class Made:
    """What a stage says about its work: facts for the provenance, and lines for the person."""

    facts: Mapping[str, Any]
    summary: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage(Generic[C]):
    """A stage: its name, its configuration's class, its work, the packages it works with."""

    name: str
    config: type[C]
    make: Callable[[C, Path, Progress], Made]
    packages: Iterable[str] = ()
    after: Callable[[C, Artifact], tuple[str, ...]] | None = None
    """What is done with a finished artifact; returns more lines for the person."""


def run_stage(
    stage: Stage[C], config: C, progress: Progress = SILENT
) -> tuple[Artifact, tuple[str, ...]]:
    """Make the artifact `output/name` and return it with the stage's summary.

    Raises what the stage raises, and ArtifactError if the result cannot be kept; what was at
    `output/name` before is untouched then.
    """
    target = Path(config.output) / config.name
    started, clock = now(), time.monotonic()
    with staged(target) as folder:
        made = stage.make(config, folder, progress)
        progress.step("digests")
        digests = digests_of(folder)
        provenance = {
            "schema_version": SCHEMA_VERSION,
            "stage": stage.name,
            "name": config.name,
            "address": address_of(digests),
            "config_sha256": identity_of(config),
            "config": config.model_dump(mode="json", exclude=set(config.operational)),
            **made.facts,
            "code": code_state(),
            "packages": package_versions(stage.packages),
            "files": {
                name: {"sha256": digest, "bytes": (folder / name).stat().st_size}
                for name, digest in digests.items()
            },
            "started_at": started,
            "finished_at": now(),
            "seconds": round(time.monotonic() - clock, 1),
        }
        text = json.dumps(provenance, indent=2, ensure_ascii=False)
        (folder / PROVENANCE).write_text(f"{text}\n", encoding="utf-8")
    artifact = Artifact(target, provenance["address"], digests, provenance)
    more = stage.after(config, artifact) if stage.after else ()
    return artifact, (*made.summary, *more)


def identity_of(config: StageConfig) -> str:
    """The configuration's digest: the run's identity, wherever its output goes."""
    plain = config.model_dump(mode="json", exclude=set(config.operational))
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
