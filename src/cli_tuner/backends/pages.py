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
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25
_HUGE = 2 * 1024 * 1024
_LEAST = 8 * _HUGE
_STEP = 8 * _HUGE  # who asks meanwhile waits for one step, some ten milliseconds
_LOOK_S = 0.05
_LOW_PRIORITY = 19


def gather_soon(is_idle: Callable[[], bool]) -> threading.Thread:
    """Gather this process's large private memory, step by step, whenever `is_idle()`."""
    thread = threading.Thread(target=_gather, args=(is_idle,), name="huge-pages", daemon=True)
    thread.start()
    return thread


def _gather(is_idle: Callable[[], bool]) -> None:
    with contextlib.suppress(OSError, AttributeError):  # another system
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)
        libc = ctypes.CDLL(None)
        libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end in large_areas(_MAPS.read_text("ascii")):
            libc.madvise(start, end - start, _MADV_HUGEPAGE)
            for at in range(start, end, _STEP):
                while not is_idle():
                    time.sleep(_LOOK_S)
                libc.madvise(at, min(_STEP, end - at), _MADV_COLLAPSE)


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
