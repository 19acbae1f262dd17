"""What docs/sessions show is what the program prints and what shells show."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def recorder():
    path = ROOT / "benchmarks" / "record_sessions.py"
    spec = importlib.util.spec_from_file_location("record_sessions", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_session_recorded_anew_is_the_one_that_is_kept(recorder):
    recorded = dict(recorder.sessions())
    assert {"generate", "candidates", "check", "explain", "files", "hook", "fix"} <= set(recorded)
    for name, text in recorded.items():
        kept = (recorder.FOLDER / f"{name}.txt").read_text("utf-8")
        assert text == kept, f"{name}: renew with python benchmarks/record_sessions.py"


def test_there_is_no_session_that_nobody_records(recorder):
    names = {*recorder.LINES, "allow-once", *(f"hot-key-{shell}" for shell in recorder.SHELLS)}
    assert {path.stem for path in recorder.FOLDER.glob("*.txt")} == names
