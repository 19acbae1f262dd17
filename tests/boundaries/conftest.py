"""A crossing with the real guard and the real journal; only the model is scripted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.boundaries.generate import generate
from cli_tuner.boundaries.parts import Options, Parts
from cli_tuner.boundaries.rate import RateLimiter
from cli_tuner.boundaries.trace import Trace
from cli_tuner.guard import check
from cli_tuner.journal import Journal
from cli_tuner.records import CommandResponse, Finish
from cli_tuner.settings import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.of({"CLI_TUNER_HOME": str(tmp_path / "home")})


@pytest.fixture
def parts(paths: Paths) -> Callable[..., Parts]:
    """Parts around a scripted backend; everything else is what a user has."""

    def make(answers: Mapping[str, str] | Sequence[str] = ("ls -la",), **changes: Any) -> Parts:
        made: dict[str, Any] = {
            "backend": ScriptedBackend(answers, finish=changes.pop("finish", Finish.STOP)),
            "check": check,
            "journal": Journal(paths),
            "limiter": RateLimiter(0),
            "code_version": "0.0.0",
        }
        return Parts(**{**made, **changes})

    return make


@pytest.fixture
def ask(parts: Callable[..., Parts]) -> Callable[..., CommandResponse]:
    """One request across all boundaries: `ask("list files", "ls -la", candidates=2)`."""

    def cross(query: str, *answers: str, finish: Finish = Finish.STOP, **options: Any) -> Any:
        given = Options(**{"model": "scripted", **options})
        return generate(query, given, parts(answers or ("ls -la",), finish=finish))

    return cross


@pytest.fixture
def trace() -> Callable[..., Trace]:
    def make(query: str, **options: Any) -> Trace:
        return Trace(query, Options(**{"model": "scripted", **options}))

    return make


@pytest.fixture
def journalled(paths: Paths) -> Callable[[str], list[dict[str, Any]]]:
    """The records in one of the journal's files, oldest first."""

    def read(name: str) -> list[dict[str, Any]]:
        path = paths.state / "monitoring" / name
        if not path.exists():
            return []
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return [line.get("record", line) for line in lines]

    return read
