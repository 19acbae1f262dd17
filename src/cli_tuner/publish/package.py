"""What is uploaded, as one value: the dry run writes it, the upload sends it.

A package is a list of files with their digests. It ends with `SHA256SUMS`, which whoever downloads
it can hand to `sha256sum -c`, and by which the next publication knows its own older files. If it is
signed, `SHA256SUMS.sig` follows, over the bytes of `SHA256SUMS`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.artifacts.staging import staged
from cli_tuner.errors import NotPublishable, UsageError

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Item:
    """One file: its path in the repository, and its bytes, on this disk or in memory."""

    path: str
    content: Path | bytes
    size_bytes: int
    sha256: str

    def read(self) -> bytes:
        """All bytes. Raises NotPublishable if the file is no longer the one that was packed."""
        data = self.content if isinstance(self.content, bytes) else self.content.read_bytes()
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise NotPublishable(f"{self.content!s} changed while it was published")
        return data

    def git_sha1(self) -> str:
        """The name that git gives these bytes: SHA-1 of a header and the content."""
        digest = hashlib.sha1(b"blob %d\0" % self.size_bytes, usedforsecurity=False)
        for chunk in _chunks(self.content):
            digest.update(chunk)
        return digest.hexdigest()


@dataclass(frozen=True)
class Package:
    """Everything that one repository shall hold, ordered by path, digests and signature last."""

    items: tuple[Item, ...]

    @property
    def size_bytes(self) -> int:
        """The sum of all files."""
        return sum(item.size_bytes for item in self.items)

    def signed(self, sign: Callable[[bytes], bytes]) -> Package:
        """The same with a signature; `sign` gets the bytes of `SHA256SUMS`."""
        return Package((*self.items, _item(SIGNATURE, sign(self.items[-1].read()))))


def pack(files: Mapping[str, Path | bytes]) -> Package:
    """Measure every file and add the list of digests."""
    items = tuple(_item(path, files[path]) for path in sorted(files))
    return Package((*items, _item(SUMS, sums_of(items))))


def sums_of(items: tuple[Item, ...]) -> bytes:
    """The digests in the form of `sha256sum`."""
    return "".join(f"{item.sha256}  {item.path}\n" for item in items).encode()


def digests_in_sums(text: bytes) -> dict[str, str]:
    """Path to SHA-256, as a `SHA256SUMS` has them; lines of another form are passed over."""
    lines = text.decode("utf-8", "replace").splitlines()
    return {found[2]: found[1] for line in lines if (found := _LINE.fullmatch(line))}


def our_paths(text: bytes) -> frozenset[str]:
    """The paths of the package that has this `SHA256SUMS`."""
    return frozenset({*digests_in_sums(text), SUMS, SIGNATURE})


def _item(path: str, content: Path | bytes) -> Item:
    if isinstance(content, bytes):
        return Item(path, content, len(content), hashlib.sha256(content).hexdigest())
    return Item(path, content, content.stat().st_size, sha256_of_file(content))


def _chunks(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def write_package(package: Package, folder: Path) -> None:
    """Write the package into a folder of its own: all of it, or nothing.

    A folder that holds an earlier package and nothing else is replaced. Raises UsageError if it
    holds anything else, NotPublishable if a file changed meanwhile, ArtifactError if the disk is
    full.
    """
    if folder.exists():
        _refuse_foreign(folder)
    with staged(folder) as staging:
        for item in package.items:
            _write_item(item, staging / item.path)


def _refuse_foreign(folder: Path) -> None:
    """Raise UsageError unless everything in the folder was written by `write_package`."""
    if not folder.is_dir() or folder.is_symlink():
        raise UsageError(f"{folder} is not a folder", hint="name a new one with --out")
    sums = folder / SUMS
    ours = our_paths(sums.read_bytes() if sums.is_file() else b"")
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if name not in ours and not (path.is_dir() and not path.is_symlink()):
            raise UsageError(
                f"{folder} holds other files ({name})", hint="name a new folder with --out"
            )


def _write_item(item: Item, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("wb") as file:
        for chunk in _chunks(item.content):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != item.sha256:
        raise NotPublishable(f"{item.content!s} changed while it was written")
