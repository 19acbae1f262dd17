"""Runs a command where it can change nothing that matters, and says what it did.

    from cli_tuner.sandbox import FileTree, run
    run("rm -rf logs", FileTree.of("logs/a.log 10K @3d", "keep.txt")).changes

Covered, by bubblewrap in new user, process, network, IPC, host-name and control-group
namespaces: no file of the machine is visible except a read-only /usr and a few names in /etc;
everything that can be written lives in memory of a bounded size and is gone afterwards; there is
no network, no device, no privilege and none to be gained; wall time, processor time, memory,
processes and output are bounded. Not covered: an error in the kernel, and the file names below
/usr, which the command can read.
"""

from cli_tuner.sandbox.changes import Change
from cli_tuner.sandbox.limits import Limits
from cli_tuner.sandbox.run import HOME, Image, Run, image, reason_it_cannot_run, run
from cli_tuner.sandbox.snapshot import Node, Snapshot
from cli_tuner.sandbox.tree import Entry, FileTree

__all__ = [
    "HOME",
    "Change",
    "Entry",
    "FileTree",
    "Image",
    "Limits",
    "Node",
    "Run",
    "Snapshot",
    "image",
    "reason_it_cannot_run",
    "run",
]
