"""Which files have commands in them, by name, folder and first line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

_SKIPPED = frozenset(
    ".git .hg .svn .venv venv node_modules __pycache__ .tox .mypy_cache dist build".split()
)
_SHEBANG = re.compile(rb"#!\s*(\S*/)?(env\s+(-S\s+)?)?(ba|da|k|z)?sh\b")
_DOCKER = re.compile(r"(?i)(.*\.)?(dockerfile|containerfile)(\..*)?")
_MAKE = re.compile(r"(GNU|BSD)?[Mm]akefile(\..*)?|.*\.(mk|mak)")


class Kind(StrEnum):
    """The formats in which commands are found."""

    SHELL = "shell"
    DOCKERFILE = "dockerfile"
    MAKEFILE = "makefile"
    WORKFLOW = "workflow"


def kind_of(path: Path) -> Kind | None:
    """What kind of file this is; None if none that has commands in it."""
    name = path.name
    if path.suffix in (".sh", ".bash", ".ksh", ".bats"):
        return Kind.SHELL
    if _DOCKER.fullmatch(name):
        return Kind.DOCKERFILE
    if _MAKE.fullmatch(name):
        return Kind.MAKEFILE
    if path.suffix in (".yml", ".yaml"):
        return Kind.WORKFLOW if _is_workflow(path) else None
    return Kind.SHELL if not path.suffix and _has_shebang(path) else None


def _is_workflow(path: Path) -> bool:
    parts = path.absolute().parts
    return path.stem == "action" or parts[-3:-1] == (".github", "workflows")


def _has_shebang(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _SHEBANG.match(file.readline(200)) is not None
    except OSError:
        return False


def files_below(folder: Path, kind: Callable[[Path], Kind | None] = kind_of) -> Iterator[Path]:
    """The files with commands in a folder and below, in the order of their names.

    Links are not followed, and folders of tools (.git, node_modules) are left out.
    """
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(files):
            path = Path(here) / name
            if not path.is_symlink() and kind(path) is not None:
                yield path
