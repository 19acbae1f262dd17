"""The models on this machine: one folder, one file a model, beside each what was verified.

    <name>.gguf              the file, whole: it got its name after its digest was checked
    <name>.gguf.json         the seal: digest, size, mtime and inode at the time of that check
    <name>.gguf.<id>.partial what an interrupted fetch left, to be continued
    <name>.gguf.lock         held while a fetch is going on

A start trusts a seal whose size, mtime and inode are still those of the file, so that it need
not hash a gigabyte. This notices accidents, not somebody who can write to the folder and sets
the times back; `verify` always hashes.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from cli_tuner.errors import ModelCorrupt, ModelMissing
from cli_tuner.models.catalogue import Catalogue
from cli_tuner.models.digest import is_gguf, sha256_of_file, short
from cli_tuner.models.entry import ModelFile
from cli_tuner.models.progress import SILENT, Progress


class State(StrEnum):
    """How a model stands in the store."""

    ABSENT = "absent"
    PARTIAL = "partial"
    UNREADABLE = "unreadable"
    DAMAGED = "damaged"
    UNVERIFIED = "unverified"
    VERIFIED = "verified"


@dataclass(frozen=True)
class Holding:
    """What the store has of one catalogue entry. `here_bytes` counts a partial file too."""

    entry: ModelFile
    path: Path
    state: State
    here_bytes: int

    @property
    def whole(self) -> bool:
        """Whether a file of the right size and kind is there."""
        return self.state in (State.UNVERIFIED, State.VERIFIED)


@dataclass(frozen=True)
class Seal:
    """That a file had this digest when it had this size, modification time (ns) and inode."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    inode: int
    source: str

    @classmethod
    def of(cls, path: Path, sha256: str, source: str) -> Seal:
        """The seal of a file whose digest was just computed. Raises OSError."""
        status = path.stat()
        return cls(sha256, status.st_size, status.st_mtime_ns, status.st_ino, source)

    def fits(self, path: Path) -> bool:
        """Whether the file is still as it was. Raises OSError."""
        return self == Seal.of(path, self.sha256, self.source)


@dataclass(frozen=True)
class Store:
    """The folder. Nothing is created by asking."""

    folder: Path

    def path(self, entry: ModelFile) -> Path:
        """Where this entry's file lives, or would."""
        return entry.packaged or self.folder / entry.file

    def partial_path(self, entry: ModelFile) -> Path:
        """Where a fetch builds it. Its name holds the digest: it can only continue itself."""
        return self.folder / f"{entry.file}.{short(entry.sha256)}.partial"

    def lock_path(self, entry: ModelFile) -> Path:
        """The lock that a fetch of it holds."""
        return self.folder / f"{entry.file}.lock"

    def seal_path(self, entry: ModelFile) -> Path:
        """The note on what was verified."""
        return self.folder / f"{entry.file}.json"

    def holding(self, entry: ModelFile) -> Holding:
        """What is here of this entry, from sizes and seals alone; no hashing."""
        path, partial = self.path(entry), self.partial_path(entry)
        try:
            if path.is_file():
                return Holding(entry, path, self._state(entry), path.stat().st_size)
            if partial.is_file():
                return Holding(entry, path, State.PARTIAL, partial.stat().st_size)
        except OSError:
            return Holding(entry, path, State.UNREADABLE, 0)
        return Holding(entry, path, State.ABSENT, 0)

    def _state(self, entry: ModelFile) -> State:
        path = self.path(entry)
        if path.stat().st_size != entry.size_bytes or not is_gguf(path):
            return State.DAMAGED
        return State.VERIFIED if self._is_sealed(entry) else State.UNVERIFIED

    def _is_sealed(self, entry: ModelFile) -> bool:
        seal = self._read_seal(entry)
        return seal is not None and seal.sha256 == entry.sha256 and seal.fits(self.path(entry))

    def _read_seal(self, entry: ModelFile) -> Seal | None:
        """The seal, if there is a readable one; anything else is as good as none."""
        try:
            return Seal(**json.loads(self.seal_path(entry).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def seal(self, entry: ModelFile, source: str) -> None:
        """Note that the file has the entry's digest. A folder that cannot be written is fine."""
        try:
            seal = Seal.of(self.path(entry), entry.sha256, source)
            write_atomically(self.seal_path(entry), json.dumps(asdict(seal), indent=1) + "\n")
        except OSError:
            return

    def trusted(self, entry: ModelFile, progress: Progress = SILENT) -> Path:
        """The file, known to be the entry's: by its seal, or else by hashing it now.

        Raises ModelMissing if it is not here, ModelCorrupt if it is another file.
        """
        holding = self.holding(entry)
        if holding.state is State.VERIFIED:
            return holding.path
        return self.verify(entry, progress)

    def verify(self, entry: ModelFile, progress: Progress = SILENT) -> Path:
        """Hash the whole file, whatever its seal says, and renew the seal.

        Raises ModelMissing if it is not here, ModelCorrupt if it is another file; the seal is
        withdrawn then, so that no later start trusts it.
        """
        path = self._whole_path(entry)
        try:
            found = sha256_of_file(path, progress)
        except OSError as error:
            raise ModelCorrupt(
                f"{path} cannot be read: {error.strerror}", hint="check the disk"
            ) from error
        if found != entry.sha256:
            self._withdraw_seal(entry)
            raise ModelCorrupt(
                f"{path} has the digest {short(found)}, {entry.name} has {short(entry.sha256)}",
                hint=_fetch_again(entry),
            )
        seal = self._read_seal(entry)
        self.seal(entry, seal.source if seal else "found in the folder")
        return path

    def _whole_path(self, entry: ModelFile) -> Path:
        """The path of a file that has at least the right size and kind."""
        holding = self.holding(entry)
        if holding.state in (State.ABSENT, State.PARTIAL):
            raise ModelMissing(
                f"the model {entry.name} is not on this machine", hint=_fetch_again(entry)
            )
        if holding.state is State.UNREADABLE:
            raise ModelCorrupt(f"{holding.path} cannot be read", hint="check its permissions")
        if holding.state is State.DAMAGED:
            raise ModelCorrupt(_damage(holding), hint=_fetch_again(entry))
        return holding.path

    def _withdraw_seal(self, entry: ModelFile) -> None:
        try:
            self.seal_path(entry).unlink(missing_ok=True)
        except OSError:
            return

    def inventory(self, catalogue: Catalogue) -> tuple[Holding, ...]:
        """What is here of every entry of the catalogue."""
        return tuple(self.holding(entry) for entry in catalogue)

    def remove_partials(self) -> int:
        """Delete what interrupted fetches left. Returns the bytes freed; raises OSError."""
        freed = 0
        for path in self.folder.glob("*.partial"):
            freed += path.stat().st_size
            path.unlink(missing_ok=True)
        for folder in self.folder.glob(".*.partial.wheel-*"):
            freed += sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            shutil.rmtree(folder)
        return freed

    def remove_scratch(self, entry: ModelFile) -> None:
        """Delete what a killed fetch of this entry left besides the partial file."""
        for folder in self.folder.glob(f".{self.partial_path(entry).name}.wheel-*"):
            shutil.rmtree(folder, ignore_errors=True)


def _damage(holding: Holding) -> str:
    name, expected = holding.entry.name, holding.entry.size_bytes
    if holding.here_bytes != expected:
        return f"{holding.path} has {holding.here_bytes:,} bytes, {name} has {expected:,}"
    return f"{holding.path} is not a GGUF file"


def _fetch_again(entry: ModelFile) -> str:
    return f"run: cli-tuner setup --model {entry.name}"


def free_bytes(folder: Path) -> int:
    """Bytes this user may still write to the folder's disk. Raises OSError."""
    return shutil.disk_usage(folder).free


def write_atomically(path: Path, text: str) -> None:
    """Replace a small file as a whole, or leave it as it is. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
