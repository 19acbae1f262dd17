"""One process with several pipes to read, bounded in time, output and memory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
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


def bounded(arguments: list[str], files: Mapping[int, bytes], bounds: Bounds) -> Outcome:
    """Run to the end or to a bound.

    `files` are contents to hand over as open files, `bounds.pipes` the pipes to read; `{4}` in the
    arguments becomes the descriptor that file or pipe 4 has in the child, where 1 and 2 are
    standard output and error. Root becomes nobody first, so that the kernel's own limits count and
    nothing of root's is reachable even if a namespace failed. Raises OSError if the process cannot
    be started.
    """
    nobody = OUTSIDER if os.geteuid() == 0 else None
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        numbers, reads = {}, {}
        for name, content in files.items():
            numbers[name] = _file(content)
            theirs.callback(os.close, numbers[name])
        for name in bounds.pipes:
            reads[name], numbers[name] = _pipe()
            ours.callback(os.close, reads[name])
            theirs.callback(os.close, numbers[name])
        named = {f"{{{name}}}": str(number) for name, number in numbers.items()}
        process = subprocess.Popen(
            [re.sub(r"\{\d\}", lambda found: named[found[0]], word) for word in arguments],
            stdin=subprocess.DEVNULL,
            stdout=numbers[1],
            stderr=numbers[2],
            pass_fds=[number for name, number in numbers.items() if name not in {1, 2}],
            cwd="/",
            env={},
            start_new_session=True,
            user=nobody,
            group=nobody,
            extra_groups=None if nobody is None else [],
        )
        theirs.close()
        try:
            return _drain(process, reads, bounds)
        finally:
            process.kill()
            process.wait()


def _file(content: bytes) -> int:
    """A file in memory, open at its start, with a number that the supervisor does not use."""
    made = os.memfd_create("sandbox")
    try:
        with open(made, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(made, 0, os.SEEK_SET)
        return fcntl.fcntl(made, fcntl.F_DUPFD_CLOEXEC, HIGH)
    finally:
        os.close(made)


def _pipe() -> tuple[int, int]:
    """A pipe whose writing end has a number that the supervisor does not use."""
    read, write = os.pipe()
    try:
        return read, fcntl.fcntl(write, fcntl.F_DUPFD_CLOEXEC, HIGH)
    finally:
        os.close(write)


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
