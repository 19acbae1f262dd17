from __future__ import annotations

import time

import pytest

from cli_tuner.train.config import Sitting
from cli_tuner.train.track import Tracker, read_rows, wandb_run


def test_what_was_written_beyond_the_checkpoint_is_taken_back(tmp_path):
    first = Tracker(tmp_path, -1)
    for step in range(4):
        first.learned(step, loss=float(step))
        first.worked(step, seconds=0.12345)
    first.close()
    Tracker(tmp_path, 2).close()
    assert [row["step"] for row in read_rows(tmp_path / "metrics.jsonl")] == [0, 1, 2]
    assert [row["step"] for row in read_rows(tmp_path / "speed.jsonl")] == [0, 1, 2]
    Tracker(tmp_path, -1).close()
    assert list(read_rows(tmp_path / "metrics.jsonl")) == []


def test_half_a_line_of_a_killed_run_is_left_out(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo')
    Tracker(tmp_path, 5).close()
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 1, "loss": 2.0}\n'


@pytest.mark.filterwarnings("ignore")
def test_an_offline_run_is_kept_as_sync_uploads_it_and_goes_on(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="make train-test has it")
    monkeypatch.setenv("WANDB_ENTITY", "somebody")
    monkeypatch.setenv("WANDB_SILENT", "true")
    for sitting in (0, 1):
        run = wandb_run(Sitting(), tmp_path, "test", "abcd1234", {"rank": 4})
        assert (run.id, run.entity) == ("abcd1234", "somebody")
        tracker = Tracker(tmp_path, sitting, run)
        tracker.learned(sitting + 1, loss=1.0)
        tracker.showed(sitting + 1, [{"query": "q", "wanted": "ls", "given": "ls"}])
        tracker.close()
    kept = list(tmp_path.glob("wandb/offline-run-*-abcd1234/run-abcd1234.wandb"))
    assert kept
    deadline = time.monotonic() + 30  # its own process writes the file
    while any(path.stat().st_size < 1000 for path in kept) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert all(path.stat().st_size >= 1000 for path in kept)
    assert [row["step"] for row in read_rows(tmp_path / "metrics.jsonl")] == [1, 2]


def test_nothing_is_asked_of_the_package_when_tracking_is_off(tmp_path):
    assert wandb_run(Sitting(tracking="off"), tmp_path, "test", "x", {}) is None
