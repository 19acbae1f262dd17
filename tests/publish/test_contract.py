"""What the data stage really makes is what is published: the two rooms meet through files alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_tuner.artifacts import run_stage
from cli_tuner.publish.contents import dataset_package
from cli_tuner.publish.dataset import open_dataset, refuse_unlicensed

ROWS = {
    "train": {
        "count the lines of notes.txt": "wc -l notes.txt",
        "show the last five lines of app.log": "tail -n 5 app.log",
        "sort names.txt": "sort names.txt",
        "delete everything on this machine": "rm -rf /",
    },
    "validation": {"how much space is left on the disks": "df -h"},
    "test": {"list all running processes": "ps aux"},
}


def write(folder: Path, split: str) -> dict[str, object]:
    """The source of one split."""
    path = folder / f"{split}.jsonl"
    rows = [{"query": query, "command": command} for query, command in ROWS[split].items()]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    named = {"attribution": {split: f"Made for the {split} set."}}
    return {"kind": "file", "name": split, "path": str(path), "license": "CC-BY-4.0", **named}


@pytest.mark.model
@pytest.mark.usefixtures("real_home")
def test_what_the_data_stage_makes_can_be_published(tmp_path: Path) -> None:
    from cli_tuner.data.config import DataConfig
    from cli_tuner.data.stage import STAGE

    config = DataConfig.model_validate(
        {
            "name": "contract",
            "output": str(tmp_path / "processed"),
            "workers": 1,
            "sources": [write(tmp_path, "train")],
            "held_out": {name: write(tmp_path, name) for name in ("validation", "test")},
            "expected": {"at_least": 1},
        }
    )
    artifact, _ = run_stage(STAGE, config)
    dataset = open_dataset(artifact.folder)
    refuse_unlicensed(dataset, private=False)
    package = dataset_package(dataset, "team/contract", jsonl=True)
    card = next(item for item in package.items if item.path == "README.md").read().decode()
    assert [split.rows for split in dataset.statistics.splits[1:]] == [1, 1]
    assert all(f"Made for the {split} set." in card for split in ROWS)
    assert "| dangerous | 1 |" in card
    assert "CT-DEL-001" in card
    assert "Splits that were fixed elsewhere:" in card
    assert len([item for item in package.items if item.path.startswith("plots/")]) >= 3
    assert not any(b"rm -rf /" in item.read() for item in package.items)
