"""Whether a folder is the release that somebody trusted signed: signature, then every digest."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.errors import SignatureError
from cli_tuner.release.manifest import (
    EVALUATION,
    MANIFEST,
    SIGNATURE,
    Manifest,
    digest_of,
    parse,
    read_bytes,
)
from cli_tuner.release.signing import check
from cli_tuner.settings import Paths


class Verified(NamedTuple):
    """A release whose signature and files fit."""

    manifest: Manifest
    folder: Path
    sha256: str
    """The manifest's digest: the release's identity."""
    key: str
    """The id of the key that signed it."""

    @property
    def names(self) -> list[str]:
        """Every file in its folder."""
        return [MANIFEST, SIGNATURE, *self.manifest.files]


def verified(folder: Path, paths: Paths) -> Verified:
    """The release in a folder. Reads every byte of it.

    Raises ReleaseError if there is none, SignatureError, naming the file, if it is not signed by
    a trusted key or anything in it was changed, added or taken away.
    """
    raw = read_bytes(folder)
    key = check(raw, read_bytes(folder, SIGNATURE), paths, folder)
    manifest = parse(raw, folder)
    _check_files(manifest, folder)
    _check_claims(manifest, folder)
    return Verified(manifest, folder, digest_of(raw), key)


def _check_files(manifest: Manifest, folder: Path) -> None:
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    } - {MANIFEST, SIGNATURE}
    for name in sorted(found | manifest.files.keys()):
        path = folder / name
        if name not in manifest.files:
            raise SignatureError(f"{path} is not part of the release")
        if name not in found or path.is_symlink() or not path.is_file():
            raise SignatureError(f"{path} is missing", hint="build or copy the release again")
        try:
            digest = sha256_of_file(path)
        except OSError as error:
            raise SignatureError(f"{path} cannot be read: {error.strerror}") from error
        if digest != manifest.files[name]:
            raise SignatureError(f"{path} was changed", hint="build or copy the release again")


def _check_claims(manifest: Manifest, folder: Path) -> None:
    """What the manifest says twice, it says alike."""
    model = manifest.model
    claims = {weights.file: weights.sha256 for weights in (model.base, model.adapter) if weights}
    claims[EVALUATION] = manifest.evaluation.sha256
    for name, sha256 in claims.items():
        if manifest.files.get(name) != sha256:
            raise SignatureError(f"{folder / MANIFEST} contradicts itself about {name}")
