"""Where bubblewrap is missing or cannot run, one sentence says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_tuner.errors import Exit, SandboxMissing
from cli_tuner.sandbox import FileTree, reason_it_cannot_run, run
from cli_tuner.sandbox.base import bwrap_path


@pytest.fixture
def isolated() -> None:
    """These tests need no sandbox."""


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    bwrap_path.cache_clear()
    reason_it_cannot_run.cache_clear()
    yield
    bwrap_path.cache_clear()
    reason_it_cannot_run.cache_clear()


def test_without_bubblewrap_a_sentence_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxMissing, match="install the package bubblewrap") as caught:
        run("true", FileTree())
    assert caught.value.exit_code is Exit.NOT_SET_UP
    assert "bubblewrap" in (reason_it_cannot_run() or "")


def test_a_bubblewrap_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'No permissions to create a new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr("cli_tuner.sandbox.base.shutil.which", lambda _: str(fake))
    monkeypatch.setattr("cli_tuner.sandbox.process.OUTSIDER", os.geteuid())
    assert "No permissions to create a new namespace" in (reason_it_cannot_run() or "")
    with pytest.raises(SandboxMissing, match="No permissions"):
        run("true", FileTree())
