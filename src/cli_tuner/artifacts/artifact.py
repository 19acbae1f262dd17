"""An artifact: a folder of files, the address that their content has, and how they came to be.

    <folder>/...                 the files
    <folder>/provenance.json     written last; its presence says that the folder is whole

The address is the SHA-256 of the sorted lines `<sha256>  <name>`, as `sha256sum` prints them. The
provenance, which holds times, is no part of it, nor is any other file of that name: the same inputs
give the same address.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.errors import ArtifactError

PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class Artifact:
    """A whole folder. `digests` maps each file's name, relative to the folder, to its SHA-256."""

    folder: Path
    address: str
    digests: Mapping[str, str]
    provenance: Mapping[str, Any]


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests_of(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder, by relative name, without any provenance."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: sha256_of_file(path) for name, path in names.items() if path.name != PROVENANCE}


def address_of(digests: Mapping[str, str]) -> str:
    """The address of files with these digests."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def open_artifact(folder: Path, *, verify: bool = True) -> Artifact:
    """The artifact in a folder; with `verify` every file is hashed again.

    Raises ArtifactError if there is none, or if a file is missing, added or changed.
    """
    try:
        provenance = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        digests = {name: file["sha256"] for name, file in provenance["files"].items()}
        artifact = Artifact(folder, provenance["address"], digests, provenance)
    except FileNotFoundError:
        raise ArtifactError(f"{folder} holds no finished artifact: no {PROVENANCE}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{folder / PROVENANCE} is not readable: {error}") from error
    if verify:
        _check(artifact)
    return artifact


def _check(artifact: Artifact) -> None:
    found = digests_of(artifact.folder)
    for name in sorted(found.keys() | artifact.digests.keys()):
        if found.get(name) != artifact.digests.get(name):
            state = "missing" if name not in found else "changed"
            state = state if name in artifact.digests else "not in its provenance"
            raise ArtifactError(f"{artifact.folder / name} is {state}", hint="run the stage again")
    if address_of(artifact.digests) != artifact.address:
        raise ArtifactError(f"{artifact.folder / PROVENANCE} does not fit its own address")
