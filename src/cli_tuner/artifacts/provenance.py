"""Where and by what something was made: the code's version and commit, the tools' versions."""

from __future__ import annotations

import os
import platform
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


def machine() -> dict[str, Any]:
    """The machine's processor, cores and memory, without its name."""
    found: dict[str, Any] = {"processor": processor(), "cores": os.cpu_count()}
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        found["memory_gb"] = round(pages * size / 1e9, 1)
    except (ValueError, OSError):
        pass
    return found


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


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
