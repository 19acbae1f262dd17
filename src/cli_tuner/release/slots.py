"""Blue and green: two whole releases side by side, and one file that says which one answers.

    <state>/releases/<version>/       what `release build` made; never changed afterwards
    <state>/releases/slots/blue/      a release
    <state>/releases/slots/green/     another
    <state>/releases/active.json      which of them is active, and what share the other one has

A switch writes a new pointer beside the old one, has it on the disk, and renames it over the old
one: one system call, before which the old release is active and after which the new one is. A slot
is only ever written to while the pointer does not name it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, ValidationError

from cli_tuner.artifacts.staging import staged
from cli_tuner.errors import ReleaseError, SignatureError
from cli_tuner.records import Record
from cli_tuner.records.base import UtcMoment
from cli_tuner.records.plain import Sha256
from cli_tuner.release.manifest import Manifest, canonical, digest_of, parse, read_bytes
from cli_tuner.settings import Paths, private_folder

POINTER = "active.json"
_BUCKETS = 10_000


class Slot(StrEnum):
    """One of two places."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> Slot:
        """The place beside it."""
        return Slot.GREEN if self is Slot.BLUE else Slot.BLUE


class Place(Record):
    """A release in a slot, named by the digest of its manifest."""

    slot: Slot
    version: str
    manifest_sha256: Sha256


class Pointer(Record):
    """Which release answers. `since` is the last switch, `share` the canary's, in percent."""

    schema_version: Literal["1"] = "1"
    active: Place
    previous: Place | None = None
    canary: Place | None = None
    share: Annotated[int, Field(ge=0, le=100)] = 0
    since: UtcMoment


class Held(NamedTuple):
    """A release and the folder that it is in."""

    manifest: Manifest
    folder: Path

    @property
    def reference(self) -> str:
        """Its weights, as `--model` takes them."""
        return self.manifest.reference(self.folder)


class InForce(NamedTuple):
    """What answers now: the active release and, for its share of requests, the canary."""

    pointer: Pointer
    active: Held
    canary: Held | None

    def held_for(self, request_id: str) -> Held:
        """The release that answers this request: always the same one for the same id."""
        if self.canary is not None and in_share(request_id, self.pointer.share):
            return self.canary
        return self.active


def in_share(request_id: str, percent: int) -> bool:
    """Whether an id is among the `percent` that the canary answers; the same at every call."""
    digest = hashlib.sha256(request_id.encode()).digest()
    return int.from_bytes(digest[:8]) % _BUCKETS < percent * _BUCKETS // 100


def releases(paths: Paths) -> Path:
    """The folder of all releases."""
    return paths.state / "releases"


def slot_folder(paths: Paths, slot: Slot) -> Path:
    """Where a slot is."""
    return releases(paths) / "slots" / slot.value


Stamp = tuple[int, ...]
_kept: dict[Path, tuple[Stamp, InForce]] = {}


def active(paths: Paths) -> InForce | None:
    """What is in force; None if nothing was ever promoted.

    Cheap enough to be asked for each request: one `stat` as long as the pointer is the same file.
    Raises ReleaseError for a pointer that cannot be read, SignatureError if a slot does not hold
    what the pointer names.
    """
    path = releases(paths) / POINTER
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read: {error.strerror}") from error
    stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    kept = _kept.get(path)
    if kept is not None and kept[0] == stamp:
        return kept[1]
    found = _in_force(paths)
    if found is not None:
        _kept[path] = stamp, found
    return found


def _in_force(paths: Paths) -> InForce | None:
    pointer = read_pointer(paths)
    if pointer is None:
        return None
    canary = None
    if pointer.canary is not None:
        with suppress(ReleaseError):  # a broken canary gets no request; `status` says that it is
            canary = held_in(paths, pointer.canary)
    return InForce(pointer, held_in(paths, pointer.active), canary)


def held_in(paths: Paths, place: Place) -> Held:
    """The release in a place. Raises ReleaseError or SignatureError if it is another one."""
    folder = slot_folder(paths, place.slot)
    raw = read_bytes(folder)
    if digest_of(raw) != place.manifest_sha256:
        raise SignatureError(
            f"the slot {place.slot} does not hold release {place.version}",
            hint="run: cli-tuner release rollback",
        )
    return Held(parse(raw, folder), folder)


def read_pointer(paths: Paths) -> Pointer | None:
    """The pointer, or None if nothing was ever promoted. Raises ReleaseError."""
    path = releases(paths) / POINTER
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return Pointer.model_validate_json(raw)
    except ValidationError as error:
        raise ReleaseError(
            f"{path} is not readable", hint="move it away and promote a release again"
        ) from error


def write_pointer(paths: Paths, pointer: Pointer) -> None:
    """Switch. When it returns, the switch is on the disk. Raises ReleaseError."""
    folder = releases(paths)
    beside = folder / f".{POINTER}.next"
    try:
        with beside.open("wb") as file:
            file.write(canonical(pointer.model_dump(mode="json")))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(folder / POINTER)
        sync_folder(folder)
    except OSError as error:
        raise ReleaseError(
            f"the pointer in {folder} cannot be written: {error.strerror}",
            hint="make room; what was active still is",
        ) from error


def fill(paths: Paths, slot: Slot, release: Path, names: list[str]) -> Path:
    """Put a release's files into a slot that is not in use, as a whole. Raises ArtifactError."""
    target = slot_folder(paths, slot)
    with staged(target) as folder:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(release / name, folder / name)
    sync_folder(target.parent)
    return target


def link_or_copy(source: Path, target: Path) -> None:
    """A second name for the same bytes, which costs no room; a copy on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def switching(paths: Paths, wait_s: float = 0.0) -> Iterator[None]:
    """One switch at a time. Raises ReleaseError if another one goes on for longer than `wait_s`."""
    folder = releases(paths)
    private_folder(paths.state)
    private_folder(folder)
    deadline = time.monotonic() + wait_s
    with (folder / ".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise ReleaseError("another switch is going on", hint="wait for it") from None
                time.sleep(0.05)
        yield
