"""docs/QUALITY.md names the command behind every table, and the commands are ones that exist."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

from cli_tuner.cli.parser import build_parser

ROOT = Path(__file__).parents[2]


def loaded():
    path = ROOT / "benchmarks" / "quality.py"
    spec = importlib.util.spec_from_file_location("quality", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["quality"] = module
    spec.loader.exec_module(module)
    return module


QUALITY = loaded()


def test_the_page_has_the_table_of_the_script():
    text = (ROOT / "docs" / "QUALITY.md").read_text("utf-8")
    kept = re.search(r"<!-- tables -->\n(.*?)\n<!-- end of tables -->", text, re.DOTALL)[1]
    assert kept == QUALITY.table(), "renew with python benchmarks/quality.py --list"


def test_names_are_unique_and_groups_known():
    names = [one.name for one in QUALITY.MEASUREMENTS]
    assert len(set(names)) == len(names)
    assert {one.group for one in QUALITY.MEASUREMENTS} == set(QUALITY.GROUPS)


@pytest.mark.parametrize("one", QUALITY.MEASUREMENTS, ids=lambda one: one.name)
def test_a_command_is_one_that_there_is(one):
    words = shlex.split(one.command)
    made = ("data/processed/", "evaluation/", "quantized/", "runs/", "build/")
    if words[0] == "cli-tuner":
        build_parser().parse_args(words[1:])
    elif words[1] == "-m":
        assert importlib.util.find_spec(words[2]) is not None
    else:
        assert words[:1] == ["python"]
    for word in words:
        path = word.rpartition("=")[2]
        if "/" in path and not path.startswith(made):
            assert (ROOT / path).exists(), path


def test_a_benchmark_that_makes_numbers_is_on_the_page():
    commands = " ".join(one.command for one in QUALITY.MEASUREMENTS)
    for path in (ROOT / "benchmarks").glob("*.py"):
        assert path.stem in QUALITY.NO_TABLE or path.name in commands, path.name


def test_how_each_ended_is_in_the_summary(tmp_path, monkeypatch, capsys):
    make = QUALITY.Measurement
    measurements = (
        make("fine", "guard", "a page", f"{sys.executable} -c 'print(6 * 7)'"),
        make("broken", "guard", "a page", f"{sys.executable} -c 'raise SystemExit(4)'"),
        make("elsewhere", "guard", "a page", "true", environment=".venv-no"),
        make("other", "data", "a page", "true"),
    )
    monkeypatch.setattr(QUALITY, "MEASUREMENTS", measurements)
    monkeypatch.setattr(QUALITY, "OUT", tmp_path)
    here, gone = Path(sys.executable).parent, tmp_path / "gone"
    monkeypatch.setattr(
        QUALITY, "environment_of", lambda one: gone if one.name == "elsewhere" else here
    )
    assert QUALITY.main(["guard"]) == 1
    assert (tmp_path / "fine.txt").read_text().endswith("\n42\n")
    summary = (tmp_path / "summary.md").read_text()
    assert "| fine | ok |" in summary
    assert "| broken | status 4 |" in summary
    assert "| elsewhere | not run: .venv-no is not there |" in summary
    assert "other" not in summary
    assert "broken" in capsys.readouterr().out
