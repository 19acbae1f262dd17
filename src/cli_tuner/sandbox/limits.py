"""How much one run may take."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """The bounds of one run; whatever passes one is stopped, and the run says which."""

    wall_s: float = 5.0
    """Seconds from the start to the end, set-up included."""
    cpu_s: int = 4
    """Processor seconds of one process."""
    memory: int = 768 * MIB
    """Bytes resident in all processes together, looked at ten times a second."""
    address_space: int = 2048 * MIB
    """Bytes of address space of one process."""
    processes: int = 64
    """Processes and threads at the same time."""
    disk: int = 64 * MIB
    """Bytes in the throw-away file system, which is in memory."""
    file_size: int = 8192 * MIB
    """Length of one file in bytes; holes count here and not in `disk`."""
    open_files: int = 256
    """Open files of one process."""
    output: int = 1 * MIB
    """Bytes of standard output, and as many of standard error."""
