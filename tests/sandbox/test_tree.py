"""Lines of a tree, and archives of it."""

from __future__ import annotations

import io
import tarfile

import pytest

from cli_tuner.errors import ConfigError
from cli_tuner.sandbox.archive import members, pack
from cli_tuner.sandbox.tree import HOME, Entry, FileTree, absolute, entry


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a", Entry(f"{HOME}/a")),
        ("a 3", Entry(f"{HOME}/a", content=b"a l", size=3)),
        ("/srv/x 0600 @3h", Entry("/srv/x", mode=0o600, age_s=3 * 3600)),
        ("d/", Entry(f"{HOME}/d", "dir", mode=0o755)),
        ("d/ 0700", Entry(f"{HOME}/d", "dir", mode=0o700)),
        ("l -> ../x", Entry(f"{HOME}/l", "link", target="../x")),
        ("h => x", Entry(f"{HOME}/h", "hard", target=f"{HOME}/x")),
        ("'a b' 1", Entry(f"{HOME}/a b", content=b"a", size=1)),
        ("~/x", Entry(f"{HOME}/x")),
    ],
)
def test_a_line_says_what_an_entry_is(line: str, expected: Entry) -> None:
    assert entry(line) == expected


def test_a_large_file_is_mostly_a_hole() -> None:
    big = entry("big 3G")
    assert (big.size, len(big.content)) == (3 << 30, 1 << 16)


@pytest.mark.parametrize("line", ["a 5X", "a 3 days", "a 'b", "a 755"])
def test_a_wrong_line_is_said(line: str) -> None:
    if line == "a 755":
        assert entry(line).size == 755  # a mode begins with 0
        return
    with pytest.raises(ConfigError, match="tree line"):
        entry(line)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", "/home/user/a"),
        (".", HOME),
        ("./a/../b/", "/home/user/b"),
        ("/x//y", "/x/y"),
        ("~", HOME),
    ],
)
def test_paths_are_those_of_the_sandbox(path: str, expected: str) -> None:
    assert absolute(path) == expected


def test_an_archive_is_what_tarfile_reads() -> None:
    tree = FileTree.of("a 700 @5d 0640", "d/", "l -> a", "h => a", f"{'n' * 120}/x 5", "big 9G")
    raw = pack(tree.entries, 1_000_000_000)
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        theirs = {
            "/" + each.name: (each.mode, each.mtime, each.size, each.linkname)
            for each in archive.getmembers()
        }
    ours = {
        each.path: (each.mode, each.mtime, each.size, each.target.lstrip("/"))
        for each in members(raw)
    }
    assert ours == theirs
    assert theirs[f"{HOME}/a"] == (0o640, 1_000_000_000 - 5 * 86400, 700, "")
    assert theirs[f"{HOME}/big"][2] == 9 << 30


def test_an_archive_of_tarfile_is_what_we_read() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in (("x", b"hello"), ("y" * 200, b"z" * 1000)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    found = {each.path: each.content() for each in members(out.getvalue())}
    assert found == {"/x": b"hello", "/" + "y" * 200: b"z" * 1000}


def test_the_same_lines_give_the_same_bytes() -> None:
    lines = ("b 10", "a/c 5K", "l -> b")
    assert pack(FileTree.of(*lines).entries, 5e8) == pack(FileTree.of(*lines).entries, 5e8)
