"""Weights in huge pages: for every token all of them are read, from a quarter of a million pages of
4 kB or from a few hundred of 2 MB.

Asking for huge pages before loading makes the load wait for the kernel to find them. So what has
been loaded is gathered afterwards, between answers: MADV_COLLAPSE (Linux 6.1) copies it into huge
pages at once, and where that is unknown MADV_HUGEPAGE leaves it to the kernel's own thread. Neither
changes what is in memory, and a refusal leaves it as it was.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25
_HUGE = 2 * 1024 * 1024
# Weights, and no heap of a thread (64 MB at most): what is freed and taken again there would come
# back in huge pages, each cleared first, which cost every answer 150 ms.
_LEAST = 64 * _HUGE
_STEP = 2 * _HUGE  # who asks meanwhile waits for one step, some ten milliseconds


def gather_soon(wait_idle: Callable[[], None]) -> threading.Thread:
    """Gather this process's large private memory, step by step, each after `wait_idle()`."""
    thread = threading.Thread(target=_gather, args=(wait_idle,), name="huge-pages", daemon=True)
    thread.start()
    return thread


def _gather(wait_idle: Callable[[], None]) -> None:
    # At the usual priority: a step holds the lock of this process's memory, and whoever asks
    # would wait for it until a thread of low priority has its turn.
    with contextlib.suppress(OSError, AttributeError):  # another system
        libc = ctypes.CDLL(None, use_errno=True)
        libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end in large_areas(_MAPS.read_text("ascii")):
            for at in range(start, end, _STEP):
                wait_idle()
                if libc.madvise(at, min(_STEP, end - at), _MADV_COLLAPSE) == 0:
                    continue
                if ctypes.get_errno() == errno.EINVAL:  # a kernel that does not know it
                    libc.madvise(start, end - start, _MADV_HUGEPAGE)
                    break


def large_areas(maps: str) -> Iterator[tuple[int, int]]:
    """(start, end) of what is private, writable, of no file and large, in whole huge pages."""
    for line in maps.splitlines():
        area, mode, _, _, inode, *name = line.split(maxsplit=5)
        if not mode.startswith("rw-p") or inode != "0" or name not in ([], ["[heap]"]):
            continue
        low, high = (int(side, 16) for side in area.split("-"))
        start, end = -(-low // _HUGE) * _HUGE, high // _HUGE * _HUGE
        if end - start >= _LEAST:
            yield start, end
