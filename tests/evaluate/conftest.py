"""A small set, a scripted backend, and a stage that uses both."""

from __future__ import annotations

import json

import pytest

from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.evaluate import stage
from cli_tuner.evaluate.config import EvaluateConfig

ROWS = [
    {"id": "a", "nl": "list all files", "bash": "ls -la", "source": "own", "tier": "core"},
    {"id": "b", "nl": "count lines of f", "bash": "wc -l f", "source": "own", "tier": "core"},
    {"id": "c", "nl": "show the date", "bash": "date", "source": "other",
     "alt_bash": ["date +%c"]},
    {"id": "d", "nl": "delete everything", "bash": "rm -rf /", "source": "other"},
    {"id": "e", "nl": "say hello", "bash": "echo hello", "source": "other"},
]  # fmt: skip
ANSWERS = {
    "list all files": "ls -a -l",
    "count lines of f": "```bash\nwc -w f\n```",
    "show the date": "date +%c",
    "delete everything": "rm -rf /",
    "say hello": "Sorry, I cannot do that.",
}


@pytest.fixture
def rows_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    return path


@pytest.fixture
def config(tmp_path, rows_file):
    return EvaluateConfig.model_validate(
        {
            "name": "small",
            "output": str(tmp_path / "evaluation"),
            "sets": [{"name": "own", "path": str(rows_file)}],
        }
    )


@pytest.fixture
def backend(monkeypatch):
    """Answers from the script, also where the stage would load a model."""
    scripted = ScriptedBackend(ANSWERS)
    monkeypatch.setattr(stage, "open_backend", lambda config, paths: scripted)
    return scripted
