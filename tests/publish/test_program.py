"""The program as a user runs it, against a Hub on loopback; and what others then download."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_tuner.artifacts.artifact import sha256_of_file

Run = Callable[..., subprocess.CompletedProcess[str]]
PROGRAM = [sys.executable, "-m", "cli_tuner", "publish", "dataset"]


@pytest.fixture
def run(environ: dict[str, str], tmp_path: Path, hub: Any) -> Run:
    """`run(folder, "--repo", ..., HF_TOKEN="")`, with a fault of the Hub if one is given."""

    def run(
        *arguments: str | Path, fault: Any = None, **changes: str
    ) -> subprocess.CompletedProcess[str]:
        hub.faults += [fault] if fault is not None else []
        return subprocess.run(
            [*PROGRAM, *map(str, arguments)],
            env=environ | changes,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def python(code: str, *arguments: str | Path, environ: dict[str, str]) -> Any:
    """What a program of a stranger prints as JSON: no token, a cache of its own."""
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def rows_of(dataset: Path, split: str) -> list[dict[str, Any]]:
    lines = (dataset / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


LOAD = """
import json, sys
from datasets import load_dataset
splits = load_dataset(sys.argv[1], revision=sys.argv[2])
print(json.dumps({name: split.to_list() for name, split in splits.items()}))
"""
SNAPSHOT = """
import json, sys
from huggingface_hub import snapshot_download
print(json.dumps(snapshot_download(sys.argv[1], repo_type="dataset", local_dir=sys.argv[2])))
"""


def test_what_is_published_is_loaded_back_equal(run, dataset, environ):
    ended = run(dataset, "--repo", "team/tiny", "--public", "--tag", "v1.0.0")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"{environ['HF_ENDPOINT']}/datasets/team/tiny\n"
    stranger = {name: value for name, value in environ.items() if name != "HF_TOKEN"}
    loaded = python(LOAD, "team/tiny", "v1.0.0", environ=stranger)
    assert list(loaded) == ["train", "validation", "test"]
    for split, rows in loaded.items():
        assert rows == rows_of(dataset, split)


def test_a_private_dataset_is_loaded_with_the_token_and_hidden_without(run, dataset, environ):
    assert run(dataset, "--repo", "team/tiny").returncode == 0
    assert python(LOAD, "team/tiny", "main", environ=environ)["test"] == rows_of(dataset, "test")
    stranger = {name: value for name, value in environ.items() if name != "HF_TOKEN"}
    hidden = subprocess.run(
        [sys.executable, "-c", LOAD, "team/tiny", "main"],
        env=stranger | {"HF_HOME": environ["HF_HOME"] + "-stranger"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert hidden.returncode != 0


def test_the_dry_run_writes_byte_for_byte_what_is_uploaded(run, dataset, environ, hub, tmp_path):
    dry = run(dataset, "--repo", "team/tiny", "--jsonl", "--dry-run", HF_TOKEN="")
    assert dry.returncode == 0, dry.stderr
    assert hub.seen == []
    assert run(dataset, "--repo", "team/tiny", "--jsonl").returncode == 0
    here = dataset.with_name("tiny.publish")
    there = hub.dataset("team/tiny").commits[-1].files
    written = {p.relative_to(here).as_posix(): p.read_bytes() for p in here.rglob("*.*")}
    written["SHA256SUMS"] = (here / "SHA256SUMS").read_bytes()
    assert written == {path: blob.data for path, blob in there.items() if path != ".gitattributes"}
    lines = [line.split() for line in dry.stdout.splitlines()]
    assert {path for path, _, _ in lines} == set(written)
    sizes = {path: int(size.replace(",", "")) for path, size, _ in lines}
    assert sizes == {path: len(data) for path, data in written.items()}


def test_a_download_verifies_with_sha256sum(run, dataset, environ, tmp_path):
    assert run(dataset, "--repo", "team/tiny", "--public").returncode == 0
    python(SNAPSHOT, "team/tiny", tmp_path / "down", environ=environ)
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"],
        cwd=tmp_path / "down",
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert (tmp_path / "down" / "data" / "train.parquet").exists()


def test_the_dry_run_is_the_same_twice_and_replaces_only_its_own(run, dataset, tmp_path):
    out = tmp_path / "out"
    first = run(dataset, "--repo", "team/tiny", "--dry-run", "--out", out)
    again = run(dataset, "--repo", "team/tiny", "--dry-run", "--out", out)
    assert first.stdout == again.stdout
    (out / "mine.txt").write_text("x")
    refused = run(dataset, "--repo", "team/tiny", "--dry-run", "--out", out)
    assert refused.returncode == 2
    assert "holds other files (mine.txt)" in refused.stderr
    assert (out / "mine.txt").exists()


def test_a_killed_upload_goes_on_where_it_was(dataset, environ, hub, make_fault, run):
    train = sha256_of_file(dataset / "train.parquet")
    hub.faults = [make_fault(f"^PUT /lfs/{train}", stall=True)]
    killed = subprocess.Popen(
        [*PROGRAM, str(dataset), "--repo", "team/tiny"],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert hub.stalled.wait(60)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    stored = set(hub.store)
    assert stored
    assert len(hub.dataset("team/tiny").commits) == 1
    hub.seen = []
    ended = run(dataset, "--repo", "team/tiny")
    assert ended.returncode == 0, ended.stderr
    sent = {line.split("/")[2].partition("?")[0] for line in hub.lines("^PUT")}
    assert not sent & stored
    assert len(hub.dataset("team/tiny").commits) == 2


def test_ctrl_c_is_a_line_and_a_status(dataset, environ, hub, make_fault):
    hub.faults = [make_fault("^PUT", stall=True)]
    running = subprocess.Popen(
        [*PROGRAM, str(dataset), "--repo", "team/tiny"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert hub.stalled.wait(60)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "cli-tuner: cancelled"
    assert len(hub.dataset("team/tiny").commits) == 1


def test_running_it_again_changes_nothing_and_says_so(run, dataset, hub):
    first = json.loads(run(dataset, "--repo", "team/tiny", "--json").stdout)
    again = json.loads(run(dataset, "--repo", "team/tiny", "--json").stdout)
    assert (first["created"], again["created"]) == (True, False)
    assert again["sent"] == []
    assert again["commit"] == first["commit"]
    assert {file["path"] for file in again["files"]} == set(again["unchanged"])
    assert again["schema_version"] == "1"
    assert again["private"] is True


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ("HF_TOKEN=", 3, "no token for the Hub; set HF_TOKEN"),
        ("HF_TOKEN=hf_wrong0000", 3, "does not accept this token"),
        ("HF_HUB_OFFLINE=1", 3, "HF_HUB_OFFLINE is set"),
        ("HF_ENDPOINT=http://hub.example.org", 2, "use https"),
    ],
)
def test_what_is_missing_is_one_line_and_a_status(run, dataset, change, status, words):
    name, _, value = change.partition("=")
    ended = run(dataset, "--repo", "team/tiny", **{name: value})
    assert ended.returncode == status
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""
    assert "hf_wrong" not in ended.stderr


@pytest.fixture
def xet(hub: Any, environ: dict[str, str]) -> None:
    """The Hub offers Xet, the library may use it and gives up at once."""
    pytest.importorskip("hf_xet")
    hub.xet = True
    del environ["HF_HUB_DISABLE_XET"]
    environ |= {"HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "1", "HF_XET_CLIENT_RETRY_BASE_DELAY": "10ms"}


@pytest.mark.usefixtures("xet")
def test_the_xet_way_brings_the_same(run, dataset, environ, hub):
    ended = run(dataset, "--repo", "team/tiny")
    assert ended.returncode == 0, ended.stderr
    assert hub.lines("^POST /cas/v1/xorbs")
    assert not hub.lines("^PUT")
    assert not hub.lines("telemetry")
    assert python(LOAD, "team/tiny", "main", environ=environ)["train"] == rows_of(dataset, "train")


@pytest.mark.usefixtures("xet")
def test_the_xet_way_goes_on_where_it_was(run, dataset, hub, make_fault):
    hub.faults = [make_fault("^POST /cas/v1/xorbs", status=500, times=0)]
    store, fail = hub.store, hub.faults[0]

    class Failing(dict[str, bytes]):
        """From the second file on, the store is ill."""

        def __setitem__(self, name: str, data: bytes) -> None:
            super().__setitem__(name, data)
            fail.times = 999

    hub.store = Failing(store)
    failed = run(dataset, "--repo", "team/tiny")
    assert failed.returncode == 5
    assert "500" in failed.stderr.splitlines()[-1]
    arrived = set(hub.xorbs)
    assert len(arrived) == 1
    fail.times, hub.store, hub.seen = 0, dict(hub.store), []
    ended = run(dataset, "--repo", "team/tiny")
    assert ended.returncode == 0, ended.stderr
    sent = {line.rpartition("/")[2] for line in hub.lines("^POST /cas/v1/xorbs")}
    assert sent
    assert not sent & arrived


@pytest.mark.usefixtures("xet")
@pytest.mark.parametrize(
    ("status", "words"), [(403, "may not do that"), (401, "accept this token"), (507, "no room")]
)
def test_the_xet_way_is_refused_in_words(run, dataset, make_fault, status, words):
    fault = make_fault("^POST /cas/v1/xorbs", status=status, times=99)
    ended = run(dataset, "--repo", "team/tiny", fault=fault)
    assert ended.returncode == (3 if status == 401 else 1)
    assert words in ended.stderr.splitlines()[-1]


@pytest.mark.usefixtures("xet")
def test_a_hub_that_does_not_know_xet_gets_lfs(run, dataset, hub):
    hub.xet = False
    assert run(dataset, "--repo", "team/tiny").returncode == 0
    assert hub.lines("^PUT /lfs/")


def test_a_token_is_in_no_output(run, dataset, environ, hub, make_fault):
    hub.faults = [make_fault("/commit/", status=400, headers={"X-Error-Message": "no"})]
    failed = run(dataset, "--repo", "team/tiny")
    assert failed.returncode == 1
    assert "committing: the Hub answered HTTP 400: no" in failed.stderr
    fine = run(dataset, "--repo", "team/tiny", "--json")
    for ended in (failed, fine):
        assert environ["HF_TOKEN"] not in ended.stdout + ended.stderr
        assert "Signature" not in ended.stdout + ended.stderr


def test_a_folder_that_is_not_there_is_a_matter_of_usage(run):
    ended = run("nothing", "--repo", "team/tiny", "--dry-run")
    assert ended.returncode == 2
    assert "there is no folder nothing" in ended.stderr


def test_a_changed_file_stops_everything(run, dataset, hub):
    with (dataset / "train.jsonl").open("a") as file:
        file.write("\n")
    ended = run(dataset, "--repo", "team/tiny")
    assert ended.returncode == 1
    assert "train.jsonl is changed" in ended.stderr
    assert hub.seen == []


def test_a_name_is_looked_for_where_the_data_stage_writes(run, dataset, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "processed").symlink_to(dataset.parent)
    ended = run("tiny", "--repo", "team/tiny", "--dry-run", "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
