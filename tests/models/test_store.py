from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cli_tuner.errors import ModelCorrupt, ModelMissing
from cli_tuner.models import BaseModel, State, Store, store
from cli_tuner.models.catalogue import Catalogue


@pytest.fixture
def shelf(tmp_path: Path, base: BaseModel, content: bytes) -> Store:
    """A store that holds the model, not verified yet."""
    shelf = Store(tmp_path / "models")
    shelf.folder.mkdir()
    shelf.path(base).write_bytes(content)
    return shelf


def no_hashing(*_: object) -> str:
    raise AssertionError("the file was hashed")


def test_asking_creates_nothing(tmp_path: Path, base: BaseModel) -> None:
    shelf = Store(tmp_path / "models")
    assert shelf.holding(base).state is State.ABSENT
    assert not shelf.folder.exists()


def test_a_partial_file_is_told_from_an_absent_one(shelf: Store, base: BaseModel) -> None:
    shelf.path(base).rename(shelf.partial_path(base))
    holding = shelf.holding(base)
    assert (holding.state, holding.whole) == (State.PARTIAL, False)
    assert holding.here_bytes == base.size_bytes


def test_a_file_is_hashed_once_and_then_trusted_by_its_seal(
    shelf: Store, base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shelf.holding(base).state is State.UNVERIFIED
    assert shelf.trusted(base) == shelf.path(base)
    assert shelf.holding(base).state is State.VERIFIED
    monkeypatch.setattr(store, "sha256_of_file", no_hashing)
    assert shelf.trusted(base) == shelf.path(base)


def test_verify_always_hashes(
    shelf: Store, base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.trusted(base)
    monkeypatch.setattr(store, "sha256_of_file", no_hashing)
    with pytest.raises(AssertionError, match="was hashed"):
        shelf.verify(base)


def test_verify_finds_what_a_seal_cannot_see_and_withdraws_it(
    shelf: Store, base: BaseModel
) -> None:
    path = shelf.path(base)
    shelf.trusted(base)
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"bit rot")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert shelf.trusted(base) == path
    with pytest.raises(ModelCorrupt, match=r"has the digest .*; run: cli-tuner setup --model tiny"):
        shelf.verify(base)
    with pytest.raises(ModelCorrupt):
        shelf.trusted(base)


@pytest.mark.parametrize("change", ["touched", "replaced", "changed"])
def test_a_seal_does_not_fit_a_file_that_moved_on(
    shelf: Store, base: BaseModel, content: bytes, change: str
) -> None:
    path = shelf.path(base)
    shelf.trusted(base)
    if change == "touched":
        os.utime(path, ns=(1, 1))
    elif change == "replaced":
        status = path.stat()
        copy = path.with_suffix(".copy")
        copy.write_bytes(content)
        os.utime(copy, ns=(status.st_mtime_ns, status.st_mtime_ns))
        copy.replace(path)
    else:
        path.write_bytes(content[:-1] + b"x")
    assert shelf.holding(base).state is State.UNVERIFIED


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sha256": 1}', "\x00"])
def test_a_damaged_seal_is_no_seal(shelf: Store, base: BaseModel, text: str) -> None:
    shelf.trusted(base)
    shelf.seal_path(base).write_text(text)
    assert shelf.holding(base).state is State.UNVERIFIED
    assert shelf.trusted(base) == shelf.path(base)
    assert shelf.holding(base).state is State.VERIFIED


def test_a_seal_of_another_digest_is_no_seal(
    shelf: Store, base: BaseModel, make_base: Callable[..., BaseModel]
) -> None:
    shelf.trusted(base)
    successor = make_base(sha256="0" * 64)
    with pytest.raises(ModelCorrupt):
        shelf.trusted(successor)


def test_a_truncated_file_is_damaged(shelf: Store, base: BaseModel) -> None:
    os.truncate(shelf.path(base), 1_000_000)
    assert shelf.holding(base).state is State.DAMAGED
    with pytest.raises(ModelCorrupt, match=r"1,000,000 bytes, tiny has 3,000,004; run: cli-tuner"):
        shelf.trusted(base)


def test_a_file_of_the_right_size_that_is_no_gguf_is_damaged(shelf: Store, base: BaseModel) -> None:
    shelf.path(base).write_bytes(b"<html>".ljust(base.size_bytes))
    with pytest.raises(ModelCorrupt, match="is not a GGUF file"):
        shelf.trusted(base)


def test_a_missing_model_says_how_to_get_it(tmp_path: Path, base: BaseModel) -> None:
    with pytest.raises(ModelMissing, match="run: cli-tuner setup --model tiny"):
        Store(tmp_path).trusted(base)


def test_a_folder_that_cannot_be_written_only_costs_the_seal(
    shelf: Store, base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store, "write_atomically", refuse)
    assert shelf.trusted(base) == shelf.path(base)
    assert not shelf.seal_path(base).exists()


def test_a_path_that_is_no_folder_is_not_a_model(tmp_path: Path, base: BaseModel) -> None:
    (tmp_path / "models").write_text("a file")
    assert Store(tmp_path / "models").holding(base).state is State.ABSENT


def test_a_seal_says_what_was_verified(shelf: Store, base: BaseModel) -> None:
    shelf.seal(base, "package index")
    seal = json.loads(shelf.seal_path(base).read_text())
    assert seal["sha256"] == base.sha256
    assert seal["source"] == "package index"
    shelf.verify(base)
    assert json.loads(shelf.seal_path(base).read_text())["source"] == "package index"


def test_the_inventory_names_every_entry(
    shelf: Store, base: BaseModel, make_base: Callable[..., BaseModel]
) -> None:
    other = make_base(name="other", file="other.gguf")
    catalogue = Catalogue({"tiny": base, "other": other}, {})
    states = {holding.entry.name: holding.state for holding in shelf.inventory(catalogue)}
    assert states == {"tiny": State.UNVERIFIED, "other": State.ABSENT}


def test_partials_and_scratch_folders_can_be_removed(shelf: Store, base: BaseModel) -> None:
    partial = shelf.partial_path(base)
    partial.write_bytes(b"x" * 10)
    scratch = shelf.folder / f".{partial.name}.wheel-1"
    scratch.mkdir()
    (scratch / "a.whl").write_bytes(b"x" * 5)
    assert shelf.remove_partials() == 15
    assert [path.name for path in shelf.folder.iterdir()] == [base.file]


def test_an_interrupted_small_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "note.json"
    store.write_atomically(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
