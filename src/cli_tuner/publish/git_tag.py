"""The version's name in Git, beside the one on the Hub: made only when it is asked for.

The tag is annotated, on the commit that is checked out, and stays on this machine until somebody
pushes it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from cli_tuner.errors import PublishError, UsageError


def commit_to_tag(folder: Path, tag: str) -> str:
    """The commit that a tag of this name would name.

    Raises UsageError outside a checkout, with changes that are in no commit, or if the tag names
    another commit: a version never moves.
    """
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        raise UsageError(f"{folder} is no git checkout with a commit", hint="leave --git-tag out")
    if _git(folder, "status", "--porcelain", "--untracked-files=no"):
        raise UsageError(
            "there are changes that are in no commit, so no tag can name them", hint="commit first"
        )
    there = _git(folder, "rev-parse", "--quiet", "--verify", f"refs/tags/{tag}^{{commit}}")
    if there is not None and there != head:
        raise UsageError(f"the git tag {tag} names another commit", hint="choose a new version")
    return head


def make_tag(folder: Path, tag: str, commit: str, message: str) -> bool:
    """Name the commit; False if it has that name already. Raises PublishError if git refuses."""
    if _git(folder, "rev-parse", "--quiet", "--verify", f"refs/tags/{tag}^{{commit}}") == commit:
        return False
    ended = _run(folder, "tag", "--annotate", "--message", message, tag, commit)
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines()
        raise PublishError(f"git cannot make the tag {tag}: {said[-1] if said else 'no reason'}")
    return True


def _git(folder: Path, *arguments: str) -> str | None:
    ended = _run(folder, *arguments)
    return ended.stdout.strip() if ended.returncode == 0 else None


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PublishError(f"git cannot be asked: {error}") from error
