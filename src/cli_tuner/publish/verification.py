"""A downloaded package, compared with its digests and with its signature."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.errors import SignatureError, UsageError
from cli_tuner.publish.package import SIGNATURE, SUMS, digests_in_sums
from cli_tuner.release.signing import PUBLICATION, check
from cli_tuner.settings import Paths

_NOT_OURS = (".cache/", ".git/", ".gitattributes", ".gitignore")
"""What the Hub and its client add."""


@dataclass(frozen=True)
class Verified:
    """A package whose files are unchanged. `key` is None if it is not signed."""

    files: int
    key: str | None
    more: tuple[str, ...]
    """Files that no digest covers."""


def verify_package(folder: Path, paths: Paths, *, unsigned: bool = False) -> Verified:
    """Hash every file, and check the signature with the keys that are trusted here.

    Raises UsageError if the folder holds no package, SignatureError for a file that is missing or
    changed, and for a missing signature unless `unsigned`.
    """
    sums = folder / SUMS
    if not sums.is_file():
        raise UsageError(f"{folder} holds no package: no {SUMS}", hint="give the download's folder")
    raw = sums.read_bytes()
    digests = digests_in_sums(raw)
    for name, digest in digests.items():
        if not _is_inside(folder, name):
            raise SignatureError(f"{sums} names a file outside the package: {name}")
        if not (folder / name).is_file():
            raise SignatureError(f"{folder / name} is missing", hint="download it again")
        if sha256_of_file(folder / name) != digest:
            raise SignatureError(f"{folder / name} is changed", hint="download it again")
    return Verified(len(digests), _key(folder, raw, paths, unsigned), tuple(_more(folder, digests)))


def _is_inside(folder: Path, name: str) -> bool:
    return (folder / name).resolve().is_relative_to(folder.resolve())


def _key(folder: Path, raw: bytes, paths: Paths, unsigned: bool) -> str | None:
    path = folder / SIGNATURE
    if path.is_file():
        return check(raw, path.read_bytes(), paths, folder / SUMS, PUBLICATION)
    if not unsigned:
        raise SignatureError(
            f"{folder} is not signed", hint="--unsigned looks at the digests alone"
        )
    return None


def _more(folder: Path, digests: dict[str, str]) -> list[str]:
    names = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file())
    ours = {SUMS, SIGNATURE, *digests}
    return [name for name in names if name not in ours and not name.startswith(_NOT_OURS)]
