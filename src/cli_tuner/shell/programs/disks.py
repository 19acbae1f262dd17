"""parted, and programs that repair or resize a file system on a device or in an image."""

from __future__ import annotations

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.values import EMPTY, UNKNOWN, Value

_PARTED = Facts(
    flags=dict.fromkeys(("-l", "--list", "-h", "--help", "-v", "--version"), "read-only"),
    values=frozenset({"-a", "--align"}),
)
_LOOKS = frozenset({"print", "p", "unit", "u", "align-check", "help", "select", "quit", "q"})


def _parted(call: Call) -> Value:
    """`parted [device [command ...]]`: without a command it waits for one."""
    parsed = call.parsed(_PARTED)
    if "read-only" in parsed.attributes or not parsed.operands:
        return UNKNOWN
    where, *commands = parsed.operands
    if commands and commands[0].text in _LOOKS and not _changes([c.text for c in commands]):
        return UNKNOWN
    call.on_path(EffectKind.DEVICE, where, "partition")
    return EMPTY


def _changes(words: list[str]) -> bool:
    """parted takes several commands on one line."""
    return bool({"mklabel", "mktable", "mkpart", "rm", "resizepart", "rescue", "set"} & set(words))


_REPAIR = Facts(
    flags=dict.fromkeys("-l -n -N -V -M -P --no-action --help --version".split(), "read-only"),
    values=frozenset("-L -U -e -c -i -m -r -C -b -B -O -E -o -j -I -s -T -t".split()),
)


def _repair(call: Call) -> Value:
    """fsck, tune2fs, resize2fs: a device's file system is changed in place."""
    parsed = call.parsed(_REPAIR)
    if "read-only" in parsed.attributes:
        return UNKNOWN
    for where in parsed.operands[:1]:
        if place_of(resolved(where.text, call.shell.cwd)) in ("device", "unknown", "system"):
            call.on_path(EffectKind.MOUNT, where, "repair")
            if "resize" in call.name and call.has("-f", "--force", "-ff"):
                # Forced past the check that what is stored still fits.
                call.on_path(EffectKind.DEVICE, where, "partition")
    return EMPTY


HANDLERS: dict[str, Handler] = {
    "parted": _parted,
    **dict.fromkeys(
        "tune2fs e2label resize2fs fsck e2fsck xfs_repair xfs_growfs ntfsfix fsck.ext4 fsck.vfat "
        "fsck.xfs fsck.ext3 ntfsresize fatresize".split(),
        _repair,
    ),
}
