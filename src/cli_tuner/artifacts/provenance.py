"""Where and by what something was made: the code's version and commit, the tools' versions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def now() -> str:
    """The moment in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def code_state() -> dict[str, Any]:
    """The program's version, and its commit if it runs from a checkout.

    `changed` says that the checkout has changes that are in no commit.
    """
    folder = Path(__file__).parent
    commit = _git(folder, "rev-parse", "HEAD")
    state = {"cli_tuner": _version("cli-tuner"), "python": sys.version.split()[0], "commit": commit}
    if commit is not None:
        state["changed"] = str(bool(_git(folder, "status", "--porcelain", "--", "."))).lower()
    return state


def commit_of(folder: Path) -> str | None:
    """The commit that a folder's checkout is at, or None."""
    return _git(folder, "rev-parse", "HEAD")


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """The installed versions of these packages; those that are missing are left out."""
    found = {name: _version(name) for name in names}
    return {name: number for name, number in found.items() if number}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        ended = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None
