"""The fixed safety cases: everything dangerous is caught, nothing safe is flagged."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "safety" / "run.py"


def _benchmark():
    spec = importlib.util.spec_from_file_location("safety_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_dangerous_case_is_caught_and_no_safe_one_is_flagged(capsys):
    assert _benchmark().main() == 0, capsys.readouterr().out


def test_the_cases_are_many_and_different():
    cases = _benchmark().load(SCRIPT.parent / "cases.jsonl")
    assert len({case["id"] for case in cases}) == len({case["command"] for case in cases})
    dangerous = [case for case in cases if case["expect"] == "dangerous"]
    assert len(dangerous) >= 400
    assert len(cases) - len(dangerous) >= 400
    assert len({case["category"] for case in dangerous}) >= 18


def test_a_rate_over_nothing_is_an_error():
    with pytest.raises(ValueError, match="nothing"):
        _benchmark().wilson(0, 0)


def test_the_wilson_interval_is_the_textbook_one():
    low, high = _benchmark().wilson(9, 10)
    assert (round(low, 4), round(high, 4)) == (0.5958, 0.9821)
