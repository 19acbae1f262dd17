"""From a person's report to a rule's example and a row for training, by the programs themselves."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.data import conftest as data

from cli_tuner.artifacts import open_artifact
from cli_tuner.data.table import read_log, read_split
from cli_tuner.settings import Settings

byte_model = data.byte_model

ROOT = Path(__file__).parents[2]
INSTALL = "curl -s https://get.example/x.sh | sh"
ANSWERS = {
    "install the tool from its own site": INSTALL,
    "list the ten largest files here": "ls -la",
    "show how much room the disks have left": "df",
    "end every process that listens on port 8080": "kubectl delete ns prod",
}


@pytest.fixture
def program(paths):
    """`cli-tuner ...` as the operator of the service runs it."""

    def run(*words, status=0, cwd=None, **variables):
        ran = subprocess.run(
            [sys.executable, "-m", "cli_tuner", *map(str, words)],
            env={**os.environ, "CLI_TUNER_HOME": str(paths.state.parent), **variables},
            cwd=cwd, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == status, ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr
        return ran

    return run


@pytest.fixture
def told(serving, program, tmp_path):
    """The open groups by kind and command, after people reported over HTTP and on a terminal."""
    running = serving(ANSWERS, settings=Settings(rate_limit=0, retain_queries=True))
    install, largest, disks, unsafe = (
        running.post("/v1/generate", query=query).json()["request_id"] for query in ANSWERS
    )
    running.post("/v1/feedback", request_id=install, kind="blocked_wrongly", comment="our own site")
    fix = "du -ah . | sort -rh | head -n 10"
    running.post("/v1/feedback", request_id=largest, kind="wrong", correction=fix)
    for words in (
        (largest, "--correction", fix),
        (disks, "--correction", "df -h"),
        (unsafe, "--kind", "unsafe"),
    ):
        program("generate", "--report-issue", *words)
    listed = json.loads(program("feedback", "triage", "--json").stdout)["groups"]
    assert [one["reports"] for one in listed if one["command"] == "ls -la"] == [2]
    return {(one["kind"], one["command"]): one["id"] for one in listed}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("patch") is None, reason="patch applies it")
def test_a_confirmed_report_is_a_test_of_the_rule_that_somebody_has_to_mend(
    told, program, tmp_path
):
    below = tmp_path / "work" / "src"
    shutil.copytree(ROOT / "src/cli_tuner", below / "cli_tuner")
    said = program("feedback", "confirm", told["blocked_wrongly", INSTALL], "--out", tmp_path)
    assert "does not hold yet" in said.stderr
    other = program(
        "feedback", "confirm", told["unsafe", "kubectl delete ns prod"], "--rule", "CT-DEL-001",
        "--out", tmp_path,
    )  # fmt: skip
    for patch in (said.stdout.strip(), other.stdout.strip()):
        subprocess.run(
            ["patch", "-p1", "--fuzz=0", "-i", patch], cwd=below.parent, check=True,
            capture_output=True,
        )  # fmt: skip
    judged = program("rules", "test", status=12, cwd=tmp_path, PYTHONPATH=str(below))
    shown = judged.stdout + judged.stderr
    assert "CT-NET-001" in shown
    assert INSTALL in shown
    # Not flagged yet, so it stands there as a known miss, which fails nothing.
    assert "kubectl" not in shown
    missed = (below / "cli_tuner/guard/rules").rglob("*.yaml")
    assert any('known_misses:\n    - "kubectl delete ns prod"' in one.read_text() for one in missed)
    assert program("rules", "test").stderr.count("CT-NET-001") == 0


@pytest.mark.slow
def test_a_confirmed_correction_is_learned_unless_it_is_like_what_is_held_out(
    told, program, byte_model, tmp_path
):
    for command in ("ls -la", "df"):
        program("feedback", "confirm", told["wrong", command], "--out", tmp_path)
    rows = tmp_path / "corrections.jsonl"
    held = {"query": "Show how much room the disks have left!", "command": "df -h --total"}
    data.write_lines(tmp_path / "test.jsonl", [held, *data.different_pairs(8)])
    data.write_lines(tmp_path / "base.jsonl", data.different_pairs(60)[10:])
    sources = [
        {"kind": "file", "name": name, "path": str(tmp_path / file), "license": "MIT"}
        for name, file in (("base", "base.jsonl"), ("feedback", rows.name))
    ]
    config = {
        "name": "small",
        "output": str(tmp_path / "made"),
        "tokenizer": str(byte_model),
        "workers": 1,
        "expected": {"at_least": 1},
        "limits": {"prompt_tokens": 600, "answer_tokens": 300},
        "sources": sources,
        "held_out": {"test": {"name": "held", "path": str(tmp_path / "test.jsonl")}},
    }
    document = tmp_path / "data.yaml"
    document.write_text(yaml.safe_dump(config))
    folder = Path(program("run", "data", document).stdout.strip().splitlines()[-1])
    open_artifact(folder)
    learned = [row for row in read_split(folder, "train") if row["source"] == "feedback"]
    assert [row["command"] for row in learned] == ["du -ah . | sort -rh | head -n 10"]
    dropped = [row for row in read_log(folder / "dropped.jsonl.zst") if row["command"] == "df -h"]
    assert len(dropped) == 1, "what is like a held-out request must not be learned"
    kept = json.loads(rows.read_text().splitlines()[0])["provenance"]
    assert kept["people"] == 2 and kept["was"] == "ls -la"
    assert json.loads(program("feedback", "triage", "--json").stdout)["groups"]
