"""benchmarks/stranger.py takes every command of the walkthrough, and walks as one shell would."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def loaded():
    path = ROOT / "benchmarks" / "stranger.py"
    spec = importlib.util.spec_from_file_location("stranger", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["stranger"] = module
    spec.loader.exec_module(module)
    return module


STRANGER = loaded()
PAGE = """# A page

## One

```console
$ mkdir there && cd there
$ export NAME="some \\
thing"
said
```

## Prose only

## Two words

```console
$ [ "$(basename "$PWD")" = there ] && [ "$NAME" = "some thing" ]
$ false
$ touch never
```

## Three

```console
$ touch never
```
"""


@pytest.fixture
def walked(tmp_path, monkeypatch, capsys):
    """Walks PAGE in a folder; the status, and the document that was written."""
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    monkeypatch.setattr(STRANGER, "PAGE", page)

    def walk(*arguments):
        status = STRANGER.main([*arguments, "--out", str(tmp_path / "out")])
        capsys.readouterr()
        return status, json.loads((tmp_path / "out" / "walkthrough.json").read_text("utf-8"))

    return walk


def test_the_steps_that_a_stranger_tries_are_on_the_page_in_their_order():
    steps = STRANGER.steps_of(STRANGER.PAGE.read_text("utf-8"))
    asked = ["clone", "demo", "test", "train", "evaluate", "quantize", "release", "roll-back"]
    names = [step.slug for step in steps]
    assert [name for name in names if name in [*asked, "publish"]] == [*asked, "publish"]
    assert any("--dry-run" in one for step in steps for one in step.commands)


def test_a_command_finds_what_the_one_before_it_left_and_a_failure_ends_the_walk(walked, tmp_path):
    status, document = walked("--resume", str(tmp_path / "walk"))
    assert status == 1
    assert [one["ended"] for one in document["steps"]] == ["done", "failed", "not reached"]
    assert [one["status"] for one in document["steps"][1]["commands"]] == [0, 1]
    assert not list((tmp_path / "walk").rglob("never"))
    table = (tmp_path / "out" / "walkthrough.md").read_text("utf-8")
    assert "| two-words | failed |" in table
    assert "`false` " in table and "status 1" in table


def test_a_step_can_be_skipped(walked, tmp_path):
    status, document = walked("--resume", str(tmp_path / "walk"), "--skip", "two-words")
    assert status == 0
    assert [one["ended"] for one in document["steps"]] == ["done", "skipped", "done"]


def test_nothing_of_this_checkout_or_this_user_is_in_the_strangers_environment(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("CLI_TUNER_MODEL", "fast")
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example/simple")
    monkeypatch.setenv("PATH", f"{ROOT / '.venv' / 'bin'}:/usr/bin:/bin")
    environ = STRANGER.Stranger(tmp_path).environ()
    assert environ["PATH"] == "/usr/bin:/bin"
    assert environ["HOME"] == str(tmp_path / "home")
    assert environ["PIP_INDEX_URL"] == "https://packages.example/simple"
    assert "CLI_TUNER_MODEL" not in environ


def test_a_walk_that_goes_on_keeps_what_the_one_before_took(tmp_path):
    kept = tmp_path / "walkthrough.json"
    assert STRANGER.earlier(kept) == {}
    done = {"step": "demo", "ended": "done", "commands": [{"command": "make demo", "seconds": 7.5}]}
    failed = {"step": "test", "ended": "failed", "commands": []}
    kept.write_text(json.dumps({"steps": [done, failed]}))
    found = STRANGER.earlier(kept)
    assert list(found) == ["demo"]
    assert found["demo"].seconds == 7.5


def test_a_step_that_fails_takes_nothing_from_those_that_are_skipped(walked, tmp_path):
    (tmp_path / "out").mkdir()
    took = [{"command": "touch never", "seconds": 7.5, "status": 0}]
    kept = {"steps": [{"step": "three", "ended": "done", "commands": took}]}
    (tmp_path / "out" / "walkthrough.json").write_text(json.dumps(kept))
    (tmp_path / "walk").mkdir()
    status, document = walked("--resume", str(tmp_path / "walk"), "--skip", "three")
    assert status == 1
    assert document["steps"][-2]["ended"] == "failed"
    assert document["steps"][-1]["commands"] == took
