"""One process with several pipes to read, bounded in time, output and memory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cli_tuner.sandbox.base import OUTSIDER

Stopped = Literal["", "time", "output", "memory"]
LOOK_S = 0.1
HIGH = 20
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Outcome:
    """What came through each pipe, by descriptor, and how it ended."""

    read: dict[int, bytes]
    status: int
    stopped: Stopped


@dataclass(frozen=True)
class Bounds:
    """Seconds, bytes of all processes together, and bytes for each pipe."""

    wall_s: float
    memory: int
    pipes: Mapping[int, int]


def bounded(arguments: list[str], tree: int, bounds: Bounds) -> Outcome:
    """Run to the end or to a bound. The descriptors of `bounds.pipes` are those of the child.

    Root becomes nobody first, so that the kernel's own limits count and nothing of root's is
    reachable even if a namespace failed. Raises OSError if the process cannot be started.
    """
    ends = {child: _pipe() for child in bounds.pipes}
    nobody = OUTSIDER if os.geteuid() == 0 else None
    plan = _plan(arguments, tree, ends)
    try:
        process = subprocess.Popen(
            plan,
            stdin=subprocess.DEVNULL,
            stdout=ends[1][1],
            stderr=ends[2][1],
            pass_fds=[tree, *(write for child, (_, write) in ends.items() if child > 2)],
            cwd="/",
            env={},
            start_new_session=True,
            user=nobody,
            group=nobody,
            extra_groups=None if nobody is None else [],
        )
    except BaseException:
        for read, _ in ends.values():
            os.close(read)
        raise
    finally:
        for _, write in ends.values():
            os.close(write)
    try:
        return _drain(process, {child: read for child, (read, _) in ends.items()}, bounds)
    finally:
        process.kill()
        process.wait()


def _pipe() -> tuple[int, int]:
    """A pipe whose writing end has a number that no descriptor of the supervisor has."""
    read, write = os.pipe()
    high = fcntl.fcntl(write, fcntl.F_DUPFD_CLOEXEC, HIGH)
    os.close(write)
    return read, high


def _plan(arguments: list[str], tree: int, ends: dict[int, tuple[int, int]]) -> list[str]:
    """The arguments with descriptor numbers: a name such as `{4}` becomes the number it has."""
    numbers = {"{3}": str(tree)}
    numbers |= {f"{{{child}}}": str(write) for child, (_, write) in ends.items()}
    return [numbers.get(word, word) for word in arguments]


def _drain(process: subprocess.Popen[bytes], ends: dict[int, int], bounds: Bounds) -> Outcome:
    buffers = {child: bytearray() for child in ends}
    started = time.monotonic()
    stopped: Stopped = ""
    look = started + 2 * LOOK_S
    with selectors.DefaultSelector() as selector:
        for child, read in ends.items():
            selector.register(read, selectors.EVENT_READ, child)
        try:
            while selector.get_map() and not stopped:
                now = time.monotonic()
                if now - started >= bounds.wall_s:
                    stopped = "time"
                elif now >= look:
                    look = now + LOOK_S
                    if resident_bytes(process.pid) > bounds.memory:
                        stopped = "memory"
                for key, _ in selector.select(min(LOOK_S, bounds.wall_s)):
                    if _full(selector, key, buffers, bounds):
                        stopped = stopped or "output"
        finally:
            process.kill()
            for read in ends.values():
                os.close(read)
    return Outcome({k: bytes(v) for k, v in buffers.items()}, process.wait(), stopped)


def _full(
    selector: selectors.BaseSelector,
    key: selectors.SelectorKey,
    buffers: dict[int, bytearray],
    bounds: Bounds,
) -> bool:
    data = os.read(key.fd, 1 << 16)
    if not data:
        selector.unregister(key.fd)
        return False
    room = bounds.pipes[key.data] - len(buffers[key.data])
    buffers[key.data] += data[:room]
    return len(data) > room


def resident_bytes(pid: int) -> int:
    """Bytes in memory of a process and everything below it."""
    return sum(_resident(each) for each in _family(pid))


def _family(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError, ValueError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                yield from _family(int(child))


def _resident(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * PAGE if len(fields) > 2 else 0
