"""One command in one sandbox."""

from __future__ import annotations

import shlex
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cli_tuner.errors import ConfigError, SandboxMissing
from cli_tuner.sandbox.archive import pack
from cli_tuner.sandbox.base import BASE, OF_THE_MACHINE, bwrap_arguments
from cli_tuner.sandbox.changes import Change, changes_between
from cli_tuner.sandbox.limits import Limits
from cli_tuner.sandbox.process import Bounds, Outcome, Stopped, bounded
from cli_tuner.sandbox.snapshot import Snapshot, snapshot
from cli_tuner.sandbox.tree import HOME, FileTree

__all__ = ["HOME", "Image", "Run", "image", "reason_it_cannot_run", "run"]

SCRIPT, TREE, REPORT, AGAIN = 0, 3, 4, 6
FRESH_S = 30.0
"""Ages in a tree are relative to now, so an image is made anew after this many seconds."""
KEPT = 256
SMALLEST = 10240
"""Bytes of an archive with anything in it; there is none if tar itself could not run any more."""
STARTED = b"started\n"
SETUP_FAILED, TREE_FAILED = 98, 97


@dataclass(frozen=True)
class Image:
    """A tree after its set-up: what every run of it starts from."""

    archive: bytes = field(repr=False)
    before: Snapshot = field(repr=False)
    each: str
    made_at: float


@dataclass(frozen=True)
class Run:
    """What a command did.

    `status` is the shell's, 137 if everything was killed. `stopped` names the bound that ended
    the run; then, and if the command killed its own surroundings, `changes_known` is False and
    `changes` is empty. `probe` is the output of the probe, `after` the file system at the end.
    """

    stdout: bytes
    stderr: bytes
    status: int
    stopped: Stopped
    changes_known: bool
    changes: tuple[Change, ...]
    after: Snapshot = field(repr=False)
    probe: bytes = b""
    probe_status: int = 0
    wall_s: float = 0.0

    @property
    def timed_out(self) -> bool:
        """Whether the time limit ended it."""
        return self.stopped == "time"

    @property
    def truncated(self) -> bool:
        """Whether it wrote more than the output limit."""
        return self.stopped == "output"


def run(
    command: str,
    tree: FileTree | Image,
    limits: Limits | None = None,
    *,
    probe: str = "",
) -> Run:
    """Run `bash -c command` in the home directory of a fresh sandbox that holds the tree.

    `probe` is a second command that runs afterwards in the same sandbox, to look at what files
    do not show. To compare two commands, give both the same `image(tree)`. Raises SandboxMissing
    if nothing can be isolated here, and ConfigError if the tree's own set-up fails.
    """
    limits = limits or Limits()
    made = tree if isinstance(tree, Image) else image(tree)
    started = time.monotonic()
    outcome = _start(made.archive, ("", made.each, command, probe), limits)
    report = _report(outcome)
    if outcome.status in {SETUP_FAILED, TREE_FAILED} and not outcome.stopped:
        text = outcome.read[2].decode(errors="replace").strip()[-300:]
        raise ConfigError(f"a tree could not be made: {text or 'tar refuses it'}")
    if report is None:
        return Run(
            outcome.read[1], outcome.read[2], 137, outcome.stopped, False, (), {},
            wall_s=time.monotonic() - started,
        )  # fmt: skip
    status, probe_status, said, after = report
    return Run(
        stdout=outcome.read[1],
        stderr=outcome.read[2],
        status=status,
        stopped=outcome.stopped,
        changes_known=True,
        changes=changes_between(made.before, after),
        after=after,
        probe=said,
        probe_status=probe_status,
        wall_s=time.monotonic() - started,
    )


_images: OrderedDict[FileTree, Image] = OrderedDict()
_lock = threading.Lock()


def image(tree: FileTree) -> Image:
    """The tree as every run of it finds it; kept for half a minute.

    Raises ConfigError, with what was written to standard error, if the set-up fails.
    """
    now = time.time()
    with _lock:
        found = _images.get(tree)
    if found is None or now - found.made_at > FRESH_S:
        found = _made(tree, now)
        with _lock:
            _images[tree] = found
            while len(_images) > KEPT:
                _images.popitem(last=False)
    return found


def _made(tree: FileTree, now: float) -> Image:
    archive = pack((*BASE, *tree.entries), now)
    each = "\n".join(tree.each)
    before = _visible(snapshot(archive))
    if tree.setup:
        archive, before = _after("\n".join(tree.setup), archive)
    if each:
        _, before = _after(each, archive)
    return Image(archive, before, each, now)


def _after(setup: str, archive: bytes) -> tuple[bytes, Snapshot]:
    outcome = _start(archive, (setup, "", "", ""), Limits(wall_s=20))
    report = _report(outcome)
    if report is None:
        said = outcome.read[2].decode(errors="replace").strip()[-500:]
        raise ConfigError(f"the set-up of a tree failed: {said or outcome.stopped or 'killed'}")
    if outcome.read[AGAIN]:
        raise ConfigError("the set-up of a tree makes files unreadable", hint="do that in `each`")
    return outcome.read[REPORT].removeprefix(STARTED + b"0\n0\n0\n"), report[3]


def _start(archive: bytes, texts: tuple[str, str, str, str], limits: Limits) -> Outcome:
    arguments = [*bwrap_arguments(limits), "--", "bash", f"/dev/fd/{{{SCRIPT}}}"]
    arguments += [f"{{{number}}}" for number in (TREE, REPORT, AGAIN)]
    room = 4 * limits.disk
    bounds = Bounds(
        limits.wall_s,
        limits.memory,
        {1: limits.output, 2: limits.output, REPORT: room, AGAIN: room},
    )
    try:
        outcome = bounded(arguments, {SCRIPT: _script(texts, limits), TREE: archive}, bounds)
    except OSError as error:
        raise SandboxMissing(f"a sandbox cannot be started: {error}") from None
    if not outcome.read[REPORT].startswith(STARTED) and not outcome.stopped:
        said = outcome.read[2].decode(errors="replace").strip()[-300:]
        raise SandboxMissing(f"bubblewrap cannot make a sandbox here: {said or outcome.status}")
    return outcome


def _script(texts: tuple[str, str, str, str], limits: Limits) -> bytes:
    """The supervisor with everything that it has to know written before it."""
    given = dict(zip(("SETUP", "EACH", "COMMAND", "PROBE"), texts, strict=True))
    given["MOUNTED"] = " ".join(f"--exclude=.{name}" for name in OF_THE_MACHINE)
    given["BOUNDS"] = (
        f"ulimit -c 0 -t {limits.cpu_s} -v {limits.address_space >> 10} "
        f"-u {limits.processes} -n {limits.open_files} -f {limits.file_size >> 10}"
    )
    lines = [f"{name}={shlex.quote(text)}" for name, text in given.items()]
    return "\n".join([*lines, _supervisor()]).encode(errors="surrogateescape")


@cache
def _supervisor() -> str:
    return Path(__file__).with_name("supervisor.sh").read_text(encoding="utf-8")


def _report(outcome: Outcome) -> tuple[int, int, bytes, Snapshot] | None:
    """Status, status and output of the probe, and the state at the end; None if it broke off."""
    raw = outcome.read[REPORT].removeprefix(STARTED)
    lines = raw.split(b"\n", 3)
    if outcome.stopped or outcome.status != 0 or len(lines) < 4:
        return None
    status, probe_status, length = (int(line) for line in lines[:3])
    probe, archive = lines[3][:length], lines[3][length:]
    modes: dict[str, int] = {}
    if again := outcome.read[AGAIN]:
        listed, _, archive = again.partition(b"\0\0")
        for record in listed.strip(b"\0").split(b"\0"):
            mode, _, path = record.partition(b" ")
            if path:
                modes[path.decode(errors="surrogateescape")] = int(mode, 8)
    if len(archive) < SMALLEST:
        return None
    return status, probe_status, probe, _visible(snapshot(archive, modes))


def _visible(state: Snapshot) -> Snapshot:
    """Without what is mounted: it is the machine's, and it cannot change."""
    return {
        path: node
        for path, node in state.items()
        if path != "/" and not path.startswith(OF_THE_MACHINE)
    }


@cache
def reason_it_cannot_run() -> str | None:
    """Why no command can be isolated on this machine, or None if one can."""
    try:
        run("true", FileTree())
    except (SandboxMissing, ConfigError) as error:
        return str(error)
    return None
