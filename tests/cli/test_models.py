"""`cli-tuner models verify`: both files of a pair against the catalogue."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cli_tuner.cli.main import main
from cli_tuner.settings import Paths

BASE, ADAPTER = b"GGUF base", b"GGUF adapter"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose catalogue knows a base and an adapter of a few bytes, and has both files."""
    monkeypatch.setenv("CLI_TUNER_HOME", str(tmp_path))
    paths = Paths.of()
    paths.models.mkdir(parents=True)
    paths.config.mkdir(parents=True, exist_ok=True)
    (paths.models / "mini.gguf").write_bytes(BASE)
    (paths.models / "house.gguf").write_bytes(ADAPTER)
    (paths.config / "catalogue.toml").write_text(f"""
[base.mini]
title = "Mini"
file = "mini.gguf"
bytes = {len(BASE)}
sha256 = "{digest(BASE)}"
licence = "MIT"
licence_url = "https://example.org"
parameters = 1
ram_bytes = 1

[adapter.house]
base = "mini"
base_sha256 = "{digest(BASE)}"
file = "house.gguf"
bytes = {len(ADAPTER)}
sha256 = "{digest(ADAPTER)}"
source = "/nowhere/house.gguf"
""")
    return paths.models


def test_base_and_adapter_are_compared_with_the_catalogue(store, capsys):
    assert main(["models", "verify", "mini+house"]) == 0
    said = capsys.readouterr().err
    assert f"mini · ok · sha256 {digest(BASE)}" in said
    assert f"house · ok · sha256 {digest(ADAPTER)}" in said


def test_a_changed_adapter_is_found(store, capsys):
    (store / "house.gguf").write_bytes(b"GGUF adaptor")
    assert main(["models", "verify", "mini+house"]) == 3
    assert "house.gguf has the digest" in capsys.readouterr().err


@pytest.mark.parametrize(("usual", "said"), [("balanced", "--model mini "), ("mini", "")])
def test_what_setup_suggests_asks_the_model_that_was_set_up(
    store, capsys, monkeypatch, usual, said
):
    monkeypatch.setenv("CLI_TUNER_MODEL", usual)
    (store / "house.gguf").rename(store / "house.away")
    assert main(["setup", "--model", "mini"]) == 0
    assert f'generate {said}"find' in capsys.readouterr().err
