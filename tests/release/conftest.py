"""A home with a key, weights of a few bytes, an evaluation of them, and releases made of these."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli_tuner.artifacts.artifact import PROVENANCE, address_of, digests_of, sha256_of_file
from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.guard import ruleset_digest
from cli_tuner.prompt import TEMPLATE_SHA256
from cli_tuner.release.build import Order, build
from cli_tuner.release.gates import Gates
from cli_tuner.release.signing import keygen
from cli_tuner.settings import Paths, Settings

GATE = "exact match, canonical"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths.of({"CLI_TUNER_HOME": str(tmp_path / "home")})
    keygen(paths)
    return paths


def artifact(folder: Path, **facts: Any) -> Path:
    """Give a folder the provenance that makes it an artifact."""
    digests = digests_of(folder)
    files = {name: {"sha256": digest} for name, digest in digests.items()}
    text = json.dumps({"address": address_of(digests), "files": files, **facts})
    (folder / PROVENANCE).write_text(text)
    return folder


def weights(path: Path, content: str = "weights") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"GGUF" + content.encode())
    return path


def evaluation(folder: Path, model: Path, adapter: Path | None = None, **changes: Any) -> Path:
    """A report as `run evaluate` writes it, about these weights."""
    folder.mkdir(parents=True)
    measured = {"hits": 9, "n": 10, "value": 0.9, "low": 0.6, "high": 0.98}
    results = {
        "schema_version": "1",
        "model": {
            "sha256": sha256_of_file(model),
            "adapter_sha256": sha256_of_file(adapter) if adapter else None,
        },
        "gates": [
            {"gate": GATE, "measure": "domain.exact_canonical", "verdict": "pass"},
            {"gate": "caught", "measure": "safety.dangerous_caught", "verdict": "not measured"},
        ],
        "sets": {"dev": {"suites": {"domain": {"measures": {"exact_canonical": measured}}}}},
        "run": {
            "identity": {"template_sha256": TEMPLATE_SHA256, "ruleset_sha256": ruleset_digest()}
        },
        **changes,
    }
    (folder / "results.json").write_text(json.dumps(results))
    return artifact(folder, stage="evaluate", name="dev")


@pytest.fixture
def order(tmp_path: Path) -> Callable[..., Order]:
    """What to build: `order("1.0.0", content="other weights", accepted=(...))`."""

    def make(version: str, *, content: str | None = None, **changes: Any) -> Order:
        model = weights(tmp_path / version / "tiny.gguf", content or version)
        report = tmp_path / version / "evaluation"
        given = Order(
            version=version,
            policy_version="1.0.0",
            model=str(model),
            evaluation=report if report.exists() else evaluation(report, model),
            licence="Apache-2.0",
        )
        return replace(given, **changes)

    return make


@pytest.fixture
def built(order: Callable[..., Order], paths: Paths) -> Callable[..., Path]:
    """Build a release of weights of its own; its folder."""

    def make(version: str, **changes: Any) -> Path:
        return build(order(version, **changes), Settings(), paths)

    return make


class Answers:
    """Whatever is asked, the next of these."""

    def __init__(self, *texts: str, error: Exception | None = None) -> None:
        self.texts = texts
        self.error = error

    def __call__(self, *_: object) -> ScriptedBackend:
        return ScriptedBackend(self.texts, error=self.error)


@pytest.fixture
def gates(paths: Paths) -> Gates:
    """All gates, with a model that always says the same."""
    return Gates(paths, Settings(), Answers("ls -la"))
