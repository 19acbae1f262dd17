"""What the stages make, and how a stage runs: configuration in, artifact with provenance out.

An artifact is a folder whose address is the digest of its content. It appears whole, by one atomic
rename, or not at all, and `provenance.json`, written last, says how it was made. Stages know each
other only through artifacts.
"""

from __future__ import annotations

from cli_tuner.artifacts.artifact import Artifact, open_artifact
from cli_tuner.artifacts.config import Config, load_config
from cli_tuner.artifacts.extras import require
from cli_tuner.artifacts.progress import SILENT, Progress
from cli_tuner.artifacts.stage import Made, Stage, StageConfig, run_stage

__all__ = [
    "SILENT",
    "Artifact",
    "Config",
    "Made",
    "Progress",
    "Stage",
    "StageConfig",
    "load_config",
    "open_artifact",
    "require",
    "run_stage",
]
