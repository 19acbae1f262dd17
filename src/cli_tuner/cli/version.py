"""`cli-tuner --version`: everything that an answer depends on, by digest."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import PackageNotFoundError, version

from cli_tuner import __version__
from cli_tuner.boundaries.terminal import visible
from cli_tuner.errors import CliTunerError
from cli_tuner.guard import check, load_policy, ruleset_digest
from cli_tuner.models import resolve
from cli_tuner.prompt import TEMPLATE_SHA256
from cli_tuner.records import Safety
from cli_tuner.settings import Paths, current_folder, load_settings


def run(_: argparse.Namespace) -> int:
    """Print them."""
    sys.stdout.write(f"cli-tuner {__version__}\n")
    for name, value in digests().items():
        sys.stdout.write(f"  {name:<8} {value}\n")
    return 0


def digests() -> dict[str, str]:
    """Name -> digest or version of each part, or why there is none."""
    return {
        "prompt": f"sha256 {TEMPLATE_SHA256}",
        **_guard(),
        **_model(),
        "engine": _engine(),
    }


def _guard() -> dict[str, str]:
    """What is in force in this folder."""
    try:
        policy = load_policy(Paths.of(), current_folder())
    except CliTunerError as error:
        return {"rules": f"sha256 {ruleset_digest()}", "policy": visible(str(error))}
    safety = Safety(load_settings().safety)
    verdict = check("true", safety=safety, policy=policy)
    return {
        "rules": f"sha256 {verdict.ruleset_digest}",
        "policy": f"sha256 {verdict.policy_digest}",
    }


def _model() -> dict[str, str]:
    settings = load_settings()
    try:
        model = resolve(settings.model, Paths.of())
    except CliTunerError as error:
        return {"model": f"{settings.model}: {error}"}
    found = {"model": f"{model.name} sha256 {model.sha256}"}
    if model.adapter is not None:
        found["adapter"] = f"{model.adapter} sha256 {model.adapter_sha256}"
    return found


def _engine() -> str:
    try:
        return f"xllamacpp {version('xllamacpp')}"
    except PackageNotFoundError:
        return "not installed"
