from __future__ import annotations

import errno
import hashlib
import subprocess
from pathlib import Path

import pytest

from cli_tuner.errors import ArtifactError, NotPublishable, UsageError
from cli_tuner.publish import package as package_module
from cli_tuner.publish.package import (
    SIGNATURE,
    SUMS,
    digests_in_sums,
    our_paths,
    pack,
    write_package,
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.bin"
    path.write_bytes(b"one")
    return path


def test_a_package_is_ordered_measured_and_ends_with_its_digests(source):
    package = pack({"b/two.txt": b"two!", "a.bin": source})
    assert [item.path for item in package.items] == ["a.bin", "b/two.txt", SUMS]
    assert [item.size_bytes for item in package.items[:2]] == [3, 4]
    assert package.items[0].sha256 == hashlib.sha256(b"one").hexdigest()
    assert our_paths(package.items[-1].read()) == {"a.bin", "b/two.txt", SUMS, SIGNATURE}
    assert package.size_bytes == 7 + package.items[-1].size_bytes


def test_the_git_name_is_that_of_git(source):
    item = pack({"a.bin": source}).items[0]
    said = subprocess.run(
        ["git", "hash-object", str(source)], capture_output=True, text=True, check=True
    )
    assert item.git_sha1() == said.stdout.strip()


def test_a_written_package_is_whole(source, tmp_path):
    package = pack({"b/two.txt": b"two!", "a.bin": source})
    write_package(package, tmp_path / "out")
    for item in package.items:
        assert (tmp_path / "out" / item.path).read_bytes() == item.read()


def test_a_package_is_replaced_by_another_one(source, tmp_path):
    write_package(pack({"a.bin": source, "b.bin": source}), tmp_path / "out")
    write_package(pack({"a.bin": source}), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [SUMS, "a.bin"]


@pytest.mark.parametrize("stranger", ["mine.txt", "b/mine.txt"])
def test_a_folder_with_anything_else_in_it_is_left_alone(source, tmp_path, stranger):
    write_package(pack({"a.bin": source}), tmp_path / "out")
    (tmp_path / "out" / "b").mkdir()
    (tmp_path / "out" / stranger).write_text("x")
    with pytest.raises(UsageError, match="holds other files"):
        write_package(pack({"a.bin": source}), tmp_path / "out")
    assert (tmp_path / "out" / stranger).read_text() == "x"


def test_a_file_is_no_folder_to_write_to(source):
    with pytest.raises(UsageError, match="is not a folder"):
        write_package(pack({"a.bin": source}), source)
    assert source.read_bytes() == b"one"


def test_a_link_is_no_folder_to_write_to(source, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with pytest.raises(UsageError, match="is not a folder"):
        write_package(pack({"a.bin": source}), tmp_path / "out")


def test_a_file_that_changed_leaves_the_old_package(source, tmp_path):
    write_package(pack({"a.bin": source}), tmp_path / "out")
    package = pack({"a.bin": source})
    source.write_bytes(b"two")
    with pytest.raises(NotPublishable, match="changed while it was written"):
        write_package(package, tmp_path / "out")
    assert (tmp_path / "out" / "a.bin").read_bytes() == b"one"
    with pytest.raises(NotPublishable, match="changed while it was published"):
        package.items[0].read()


def test_a_full_disk_leaves_the_old_package(source, tmp_path, monkeypatch):
    def full(item: object, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    write_package(pack({"a.bin": source}), tmp_path / "out")
    monkeypatch.setattr(package_module, "_write_item", full)
    with pytest.raises(ArtifactError, match="the disk is full"):
        write_package(pack({"b.bin": source}), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [SUMS, "a.bin"]


def test_a_list_of_digests_from_elsewhere_is_read_with_care():
    text = b"nonsense\n" + b"0" * 64 + b"  a b.txt\n\xff\xfe\n" + b"0" * 63 + b"  c\n"
    assert set(digests_in_sums(text)) == {"a b.txt"}
