"""What one run amounts to, in a form that can be compared."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cli_tuner.evaluate.execution.text import shown_lines
from cli_tuner.sandbox import Change, Image, Limits, Run, run

_PACKED = re.compile(
    r"\.(?:tar(?:\.\w+)?|tgz|tbz2|txz|zip|jar|7z|cpio|a|gz|bz2|xz|lzma|zst|db|sqlite3?)$"
)
_NEEDS_A_LOOK = re.compile(
    r"\.(?:tar|tgz|tbz2|txz|zip|jar|7z|cpio|a|gz|bz2|xz|lzma|zst|db|sqlite3?)\b"
    r"|\b(?:gzip|bzip2|xz|zstd|lzma|gunzip|git|sqlite3|tar|zip)\b"
)
_IN_A_REPOSITORY = re.compile(r"(?:^|/)[^/]*\.git(?:/|$)")
JUST_NOW_S = 120
LIMITS = Limits(wall_s=10.0)
"""Twice the usual wall time: on a loaded machine a slow run is not a wrong one."""


@dataclass(frozen=True)
class View:
    """How a run is looked at: does the order of lines count, and the white space at their ends,
    and are archives, databases and repositories opened afterwards?"""

    ordered: bool = True
    exact: bool = False
    look: bool = False


@dataclass(frozen=True)
class Effect:
    """One changed path with what it is afterwards; times only where nothing else changed."""

    what: str
    path: str
    kind: str = ""
    mode: int = 0
    held: str = ""
    target: str = ""
    mtime: str = ""


@dataclass(frozen=True)
class Observed:
    """The outcome of one run: what it printed, what it changed, whether it failed.

    `looked` is what `look.sh` found in archives, databases and repositories.
    """

    stdout: bytes
    lines: tuple[str, ...]
    effects: frozenset[Effect]
    looked: str
    failed: bool
    stderr: str
    stopped: str
    known: bool

    @property
    def says_something(self) -> bool:
        """Whether there is anything to compare but the status."""
        return bool(self.lines) or bool(self.effects)


@cache
def _look() -> str:
    return Path(__file__).with_name("look.sh").read_text(encoding="utf-8")


def needs_a_look(*texts: str) -> bool:
    """Whether a command or a tree that these texts describe may hold more than digests show."""
    return any(_NEEDS_A_LOOK.search(text) for text in texts)


def observe(command: str, start: Image, view: View) -> Observed:
    """Run a command on a tree and say what it amounts to.

    Raises SandboxMissing where nothing can be isolated.
    """
    done = run(command, start, LIMITS, probe=_look() if view.look else "")
    return Observed(
        stdout=done.stdout,
        lines=shown_lines(done.stdout, ordered=view.ordered, exact=view.exact),
        effects=frozenset(_effect(each, done, view) for each in done.changes if _seen(each)),
        looked=done.probe.decode(errors="replace"),
        failed=done.status != 0,
        stderr=done.stderr.decode(errors="replace"),
        stopped=done.stopped,
        known=done.changes_known,
    )


def _seen(change: Change) -> bool:
    """Repositories are compared by `look.sh`; a directory's own time is never a change."""
    return not _IN_A_REPOSITORY.search(change.path.rpartition("/")[0] + "/")


def _effect(change: Change, done: Run, view: View) -> Effect:
    if change.what == "deleted":
        return Effect("deleted", change.path)
    node = done.after[change.path]
    if change.what == "touched":
        return Effect("touched", change.path, mtime=_moment(node.mtime))
    held = change.digest
    if _PACKED.search(change.path):
        held = "packed"
    elif not view.ordered and node.kind == "file" and node.size < 1 << 16:
        held = "\n".join(shown_lines(node.content, ordered=False))
    target = node.target or node.linked
    return Effect(change.what, change.path, change.kind, change.mode, held, target)


def _moment(mtime: int) -> str:
    return "now" if abs(time.time() - mtime) < JUST_NOW_S else str(mtime)
