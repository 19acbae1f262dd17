"""An engine whose process is `fake_resident`, in a home of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_tuner.backends import engine as engine_module
from cli_tuner.backends.engine import Engine
from cli_tuner.prompt import TEMPLATE_SHA256, to_prompt
from cli_tuner.records import NormalizedRequest, sha256_of
from cli_tuner.records.ids import new_request_id
from cli_tuner.settings import Paths


class Plan:
    """What the fake does next, and which processes were started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers("answer")

    def answers(self, *words: str) -> None:
        (self.folder / "plan").write_text(" ".join(words))

    def starts(self, word: str) -> None:
        (self.folder / "start").write_text(word)

    @property
    def started(self) -> list[int]:
        file = self.folder / "started"
        return [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plan]:
    folder = tmp_path / "plan"
    folder.mkdir()
    monkeypatch.setattr(engine_module, "PROGRAM", "fake_resident")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv("FAKE_PLAN", str(folder))
    plan = Plan(folder)
    yield plan
    for pid in plan.started:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.of({"CLI_TUNER_HOME": str(tmp_path / "home")})


@pytest.fixture
def engine(plan: Plan, paths: Paths) -> Engine:
    return Engine("fake", 1, 1.0, 10.0, paths)


@pytest.fixture
def request_for():
    def make(query: str) -> NormalizedRequest:
        prompt = to_prompt(query)
        return NormalizedRequest(
            request_id=new_request_id(),
            query=query,
            prompt=prompt,
            prompt_sha256=sha256_of(prompt),
            template_sha256=TEMPLATE_SHA256,
        )

    return make
