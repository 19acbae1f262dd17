"""A vocabulary of bytes instead of a model, and small sets that have everything wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_tuner.artifacts import run_stage
from cli_tuner.artifacts.artifact import Artifact
from cli_tuner.data.config import DataConfig
from cli_tuner.data.stage import STAGE

NOUNS = "report invoice photo backup letter draft poster ticket recipe budget".split()
PLACES = "kitchen garage office garden attic cellar studio library".split()


@pytest.fixture(scope="session")
def byte_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file that holds a vocabulary of single bytes and the template's tokens, no weights."""
    from gguf import GGUFWriter
    from tokenizers.pre_tokenizers import ByteLevel

    path = tmp_path_factory.mktemp("model") / "bytes.gguf"
    letters = sorted(ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    writer = GGUFWriter(path, "qwen2")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([*letters, "ls", *special])
    writer.add_token_types([1] * (len(letters) + 1) + [3] * len(special))
    writer.add_token_merges(["l s"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def different_pairs(count: int) -> list[dict[str, str]]:
    """Pairs of many skeletons, whose requests have little in common."""
    rows = []
    for number in range(count):
        noun, place = NOUNS[number % 10], PLACES[number // 10 % 8]
        query = f"{noun} number{number} from the {place}{number // 80}, column{number * 7}"
        letters = [chr(ord("a") + (number >> shift) % 16) for shift in (0, 4, 8)]
        flags = " ".join(f"-{letter}" for letter in letters)
        rows.append({"query": query, "command": f"tool{number // 3} {flags} '{noun}.txt'"})
    return rows


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def run(
    byte_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Artifact]:
    """Run the stage on rows: `run(rows, seed=3)`."""
    monkeypatch.setenv("CLI_TUNER_HOME", str(tmp_path / "home"))

    def of(rows: list[Any], **more: Any) -> Artifact:
        source = write_lines(tmp_path / "source.jsonl", rows)
        return run_stage(STAGE, config_of(source, byte_model, tmp_path / "out", **more))[0]

    return of


def config_of(source: Path, model: Path, output: Path, **more: Any) -> DataConfig:
    settings = {
        "name": "small",
        "output": str(output),
        "tokenizer": str(model),
        "workers": 1,
        "expected": {"at_least": 1},
        "limits": {"prompt_tokens": 600, "answer_tokens": 300},
        "sources": [{"kind": "file", "name": "made", "path": str(source), "license": "MIT"}],
    }
    return DataConfig.model_validate({**settings, **more})
