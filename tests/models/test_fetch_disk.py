from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli_tuner.errors import FetchError
from cli_tuner.models import BaseModel, Store, Surroundings, fetch, obtain
from cli_tuner.models.fetch import STORE
from cli_tuner.settings import Paths


@pytest.fixture
def store(paths: Paths) -> Store:
    return Store(paths.models)


def files(store: Store) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir())


def test_too_little_space_is_said_before_anything_is_fetched(
    base: BaseModel, paths: Paths, store: Store, around_hub: Surroundings, hub_server: Any
) -> None:
    around = replace(around_hub, free_bytes=lambda _: 50_000_000)
    with pytest.raises(FetchError) as caught:
        obtain(base, paths, around=around)
    assert f"no room for tiny in {store.folder}: 70 MB needed, 50 MB free" in str(caught.value)
    assert "CLI_TUNER_HOME" in str(caught.value)
    assert hub_server.requests == []
    assert files(store) == []


def test_what_is_already_here_needs_no_space(
    base: BaseModel, paths: Paths, store: Store, around_hub: Surroundings, content: bytes
) -> None:
    store.folder.mkdir(parents=True)
    store.partial_path(base).write_bytes(content[:3_000_000])
    around = replace(around_hub, free_bytes=lambda _: fetch.MARGIN_BYTES + 4)
    assert obtain(base, paths, around=around).path.read_bytes() == content


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("cannot mount a small disk here: needs root and mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_meanwhile_stops_with_a_reason(
    base: BaseModel, small_disk: Path, around_hub: Surroundings, hub_server: Any, content: bytes
) -> None:
    paths = Paths.of({"CLI_TUNER_HOME": str(small_disk)})
    with pytest.raises(FetchError, match="no room for tiny"):
        obtain(base, paths, around=around_hub)
    around = replace(around_hub, free_bytes=lambda _: 1 << 40)  # as it was a moment ago
    with pytest.raises(FetchError, match=r"the disk of .* is full; free some space"):
        obtain(base, paths, around=around)
    assert files(Store(paths.models)) == [Store(paths.models).partial_path(base).name]
    assert len(hub_server.gets()) == 1


def test_an_error_of_the_disk_is_not_blamed_on_a_source(
    base: BaseModel,
    paths: Paths,
    store: Store,
    around_hub: Surroundings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(FetchError, match=r"cannot use the folder .*: Input/output error"):
        obtain(base, paths, around=around_hub)
    assert not store.path(base).exists()


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Root may write anywhere: be nobody for a moment, if we are root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_home_is_said_and_stays_as_it_was(
    base: BaseModel, around_hub: Surroundings, content: bytes
) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        home.chmod(0o555)
        paths = Paths.of({"CLI_TUNER_HOME": name})
        with as_ordinary_user(), pytest.raises(FetchError, match=r"cannot use the folder .*denied"):
            obtain(base, paths, around=around_hub)
        home.chmod(0o755)
        assert list(home.iterdir()) == []


def test_a_read_only_store_still_serves_what_it_holds(
    base: BaseModel, around_hub: Surroundings, hub_server: Any, content: bytes
) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        paths = Paths.of({"CLI_TUNER_HOME": name})
        store = Store(paths.models)
        store.folder.mkdir(parents=True)
        store.path(base).write_bytes(content)
        store.folder.chmod(0o555)
        with as_ordinary_user():
            assert obtain(base, paths, around=around_hub).source == STORE
        store.folder.chmod(0o755)
        assert files(store) == [base.file]
        assert hub_server.requests == []


def test_a_file_where_the_folder_should_be_is_said(base: BaseModel, paths: Paths) -> None:
    paths.data.mkdir(parents=True)
    paths.models.write_text("a file")
    with pytest.raises(FetchError, match="cannot use the folder"):
        obtain(base, paths)
