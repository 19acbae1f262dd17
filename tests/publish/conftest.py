"""A small dataset as the data stage writes it, a Hub on loopback, and nobody's own token."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from cli_tuner.artifacts.artifact import address_of, digests_of


def _sibling(name: str) -> ModuleType:
    """A module of this folder: tests are no package, so it is loaded by its path, once."""
    key = f"publish_tests_{name}"
    if key not in sys.modules:
        spec = importlib.util.spec_from_file_location(key, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[key] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[key]


hub_server = _sibling("hub_server")
trained_model = _sibling("trained_model")
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
NOTICE = "Descriptions and commands are from tldr-pages, CC-BY-4.0.\nChanged: placeholders filled."


def row(number: int, **changes: Any) -> dict[str, Any]:
    """One row of a dataset."""
    command = f"find . -name 'file{number}.txt'"
    query = f"find the file number {number}"
    turns = [{"role": "user", "content": query}, {"role": "assistant", "content": command}]
    fields = {
        "id": f"r{number:05}",
        "query": query,
        "command": command,
        "source": "tldr" if number % 4 == 0 else "generator",
        "license": "CC-BY-4.0" if number % 4 == 0 else "Apache-2.0",
        "ref": f"pages/{number}",
        "utilities": ["find"],
        "template": hashlib.sha256(command.encode()).hexdigest()[:16],
        "group": f"g{number}",
        "messages": turns,
        "tokens": {"prompt": 30 + number % 7, "answer": 10},
    }
    return fields | changes


def facts() -> dict[str, Any]:
    """What the data stage says about its work."""
    return {
        "sources": [
            {
                "name": "tldr",
                "kind": "tldr",
                "license": "CC-BY-4.0",
                "attribution": {"tldr": NOTICE},
                "url": "https://github.com/tldr-pages/tldr",
                "revision": "0123456",
                "collected_at": "2026-11-20T10:00:00+00:00",
            },
            {"name": "generator", "kind": "generated", "license": "Apache-2.0", "attribution": {}},
        ],
        "held_out": {},
        "rows": {"in": 118, "train": 80, "validation": 10, "test": 10},
        "filters": [{"step": "syntax", "dropped": 12, "left": 103}],
        "validation": {"method": "bash -n and ShellCheck", "tools": {"shellcheck": "0.11.0"}},
        "split": {"groups": 100},
        "config": {"seed": 13, "description": "Small, and made up."},
        "tokenizer": {"model": "fast", "sha256": "1" * 64},
    }


CHECKS = ("same pair", "same normalised request", "same template", "request Jaccard >= 0.8")
PAIRS = ("train -> validation", "train -> test", "validation -> test")


def leakage() -> dict[str, Any]:
    return {"pairs": {pair: dict.fromkeys(CHECKS, 0) for pair in PAIRS}, "examples": {}}


def seal(folder: Path, **changes: Any) -> None:
    """Write the provenance, as the data stage does last."""
    digests = digests_of(folder)
    provenance = {
        "schema_version": "1",
        "stage": "data",
        "name": "tiny",
        "address": address_of(digests),
        "config_sha256": "0" * 64,
        **facts(),
        "code": {"cli_tuner": "1.0.0", "commit": "abc"},
        "packages": {"datasketch": "1.6.5"},
        "files": {
            name: {"sha256": digest, "bytes": (folder / name).stat().st_size}
            for name, digest in digests.items()
        },
        "finished_at": "2026-11-22T10:00:00+00:00",
    }
    text = json.dumps(provenance | changes)
    (folder / "provenance.json").write_text(text, encoding="utf-8")


def write_split(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    import pyarrow as arrow
    from pyarrow import parquet

    parquet.write_table(arrow.Table.from_pylist(rows), folder / f"{name}.parquet")
    lines = "".join(f"{json.dumps(entry)}\n" for entry in rows)
    (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """The folder of a dataset of 100 rows."""
    folder = tmp_path / "processed" / "tiny"
    (folder / "plots").mkdir(parents=True)
    write_split(folder, "train", [row(number) for number in range(80)])
    write_split(folder, "validation", [row(number) for number in range(80, 90)])
    write_split(folder, "test", [row(number) for number in range(90, 100)])
    (folder / "plots" / "lengths.png").write_bytes(PNG)
    (folder / "report.md").write_text("# Report\n", encoding="utf-8")
    guard = {"levels": {"dangerous": 3, "safe": 112}, "rules": {"CT-DEL-001": 3}}
    (folder / "report.json").write_text(json.dumps({"guard": guard}), encoding="utf-8")
    (folder / "leakage.json").write_text(json.dumps(leakage()), encoding="utf-8")
    (folder / "dropped.jsonl").write_text('{"command": "rm -rf /"}\n', encoding="utf-8")
    seal(folder)
    return folder


@pytest.fixture
def dataset_kit() -> SimpleNamespace:
    """What makes a dataset, for tests that make a wrong one."""
    return SimpleNamespace(
        facts=facts, leakage=leakage, row=row, seal=seal, write_split=write_split
    )


@pytest.fixture
def kit(tmp_path: Path) -> Any:
    """A trained adapter and its data; evaluations and merged files are made on request."""
    kit = trained_model.Kit(tmp_path)
    kit.make_data()
    kit.make_run()
    return kit


@pytest.fixture
def hub() -> Iterator[Any]:
    with hub_server.running_hub() as running:
        yield running


@pytest.fixture
def environ(hub: Any, tmp_path: Path) -> dict[str, str]:
    """An environment that knows our Hub, a token, and nothing of the developer's own."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": hub_server.TOKEN,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "CLI_TUNER_HOME": str(tmp_path / "home"),
    }


@pytest.fixture
def make_fault() -> Callable[..., Any]:
    return hub_server.Fault
