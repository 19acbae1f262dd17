"""An artifact is there whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import json
from pathlib import Path

import pytest

from cli_tuner.artifacts import Made, Stage, StageConfig, open_artifact, require, run_stage, staging
from cli_tuner.artifacts.staging import staged
from cli_tuner.errors import ArtifactError, ExtraMissing


class Config(StageConfig):
    text: str = "hello"
    fails: bool = False


def make(config, folder, progress):
    (folder / "sub").mkdir()
    (folder / "a.txt").write_text(config.text)
    (folder / "sub" / "b.txt").write_text("b")
    if config.fails:
        raise KeyboardInterrupt
    return Made({"facts": 1}, ("done",))


STAGE = Stage("test", Config, make, ("pydantic",))


@pytest.fixture
def run(tmp_path):
    def of(**settings):
        return run_stage(STAGE, Config(name="thing", output=str(tmp_path), **settings))[0]

    return of


def test_the_provenance_is_there_and_the_address_is_that_of_the_content(run):
    one = run()
    assert open_artifact(one.folder) == one
    assert one.provenance["facts"] == 1
    assert one.provenance["packages"]["pydantic"]
    assert set(one.digests) == {"a.txt", "sub/b.txt"}
    assert one.provenance["files"]["a.txt"]["bytes"] == 5
    assert run().address == one.address
    assert run(text="other").address != one.address


def test_the_address_is_what_sha256sum_prints(run):
    import hashlib

    one = run()
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(one.digests.items()))
    assert one.address == hashlib.sha256(lines.encode()).hexdigest()


def test_whatever_ends_a_run_early_leaves_the_artifact_before(run, tmp_path):
    before = run()
    with pytest.raises(KeyboardInterrupt):
        run(text="new", fails=True)
    assert open_artifact(before.folder) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".thing.lock", "thing"]


@pytest.mark.parametrize("exchange", [True, False])
def test_a_new_one_takes_the_place_of_the_old_one(run, tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(staging, "_exchanged", lambda *_: False)
    run()
    new = run(text="new")
    assert (new.folder / "a.txt").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".thing.lock", "thing"]


def test_without_an_exchange_the_old_one_comes_back_if_the_new_one_cannot_be_moved(
    run, tmp_path, monkeypatch
):
    before = run()
    monkeypatch.setattr(staging, "_exchanged", lambda *_: False)
    real = type(tmp_path).rename

    def rename(self, target):
        if self.name.endswith(".staging") and target == tmp_path / "thing":
            raise OSError(errno.EIO, "I/O error")
        return real(self, target)

    monkeypatch.setattr(type(tmp_path), "rename", rename)
    with pytest.raises(OSError, match="I/O error"):
        run(text="new")
    monkeypatch.undo()
    assert open_artifact(before.folder) == before


def test_a_full_disk_is_one_line_and_leaves_the_artifact_before(run, tmp_path):
    before = run()
    with (
        pytest.raises(ArtifactError, match=r"the disk is full.*thing is as it was; make room"),
        staged(tmp_path / "thing"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert open_artifact(before.folder) == before


def test_a_really_full_disk_too(run, tmp_path):
    before = run()
    with (
        pytest.raises(ArtifactError, match="the disk is full"),
        staged(tmp_path / "thing") as folder,
        Path("/dev/full").open("w") as full,
    ):
        (folder / "part").write_text("x")
        full.write("x" * 100_000)
    assert open_artifact(before.folder) == before


def test_two_runs_for_one_artifact_do_not_meet(run, tmp_path):
    run()
    with (tmp_path / ".thing.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ArtifactError, match="another run is making"):
            run()


def test_what_a_killed_run_left_is_removed(run, tmp_path):
    (tmp_path / ".thing.staging").mkdir()
    (tmp_path / ".thing.staging" / "half").write_text("x")
    run()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".thing.lock", "thing"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ArtifactError, match="cannot write to"),
        staged(tmp_path / "file" / "thing"),
    ):
        pass


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "a.txt").write_text("x"), "a.txt is changed"),
        (lambda folder: (folder / "a.txt").unlink(), "a.txt is missing"),
        (lambda folder: (folder / "c.txt").write_text("x"), "c.txt is not in its provenance"),
        (lambda folder: (folder / "provenance.json").unlink(), "no finished artifact"),
        (lambda folder: (folder / "provenance.json").write_text("{"), "is not readable"),
        (lambda folder: (folder / "provenance.json").write_text("[]"), "is not readable"),
    ],
)
def test_an_artifact_that_is_not_whole_is_refused(run, damage, said):
    folder = run().folder
    damage(folder)
    with pytest.raises(ArtifactError, match=said):
        open_artifact(folder)


def test_an_address_of_other_content_is_refused(run):
    folder = run().folder
    provenance = json.loads((folder / "provenance.json").read_text())
    (folder / "provenance.json").write_text(json.dumps({**provenance, "address": "0" * 64}))
    with pytest.raises(ArtifactError, match="does not fit its own address"):
        open_artifact(folder)


def test_a_missing_package_is_asked_for_in_one_line():
    with pytest.raises(
        ExtraMissing, match=r"needs the package nowhere_at_all.*'cli-tuner\[data\]'"
    ):
        require("nowhere_at_all.inside", "data")
    assert require("json", "data") is json
