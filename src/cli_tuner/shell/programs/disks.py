"""parted, and programs that repair or resize a file system on a device or in an image."""

from __future__ import annotations

import re
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.values import EMPTY, UNKNOWN, Value, known
from cli_tuner.shell.words import Field

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


_WIPEFS = Facts(
    flags={
        **dict.fromkeys(("-a", "--all"), "erase"),
        **dict.fromkeys(("-n", "--no-act", "-h", "--help", "-V", "--version"), "dry"),
    },
    values=frozenset({"-o", "--offset", "-t", "--types", "-O", "--output"}),
)


def _wipefs(call: Call) -> Value:
    """wipefs: without -a or -o it only lists the signatures that it finds."""
    parsed = call.parsed(_WIPEFS)
    erases = "erase" in parsed.attributes or parsed.argument("-o", "--offset") is not None
    if erases and "dry" not in parsed.attributes:
        for where in parsed.operands:
            call.on_path(EffectKind.DEVICE, where, "erase")
    return UNKNOWN


_REPAIR = Facts(
    flags=dict.fromkeys("-l -n -N -V -M -P --no-action --help --version".split(), "read-only"),
    values=frozenset("-L -U -e -c -i -m -r -C -b -B -O -E -o -j -I -s -T -t".split()),
)


def _repair(call: Call) -> Value:
    """fsck, tune2fs, resize2fs: a device's file system is changed in place."""
    # For xfs_repair -L takes no word; for the others it is a label.
    own = replace(_REPAIR, values=_REPAIR.values - {"-L"}) if call.name == "xfs_repair" else _REPAIR
    parsed = call.parsed(own)
    if "read-only" in parsed.attributes:
        return UNKNOWN
    for where in parsed.operands[:1]:
        if place_of(resolved(where.text, call.shell.cwd)) in ("device", "unknown", "system"):
            call.on_path(EffectKind.MOUNT, where, "repair")
            if call.name == "xfs_repair" and call.has("-L"):
                # The journal is thrown away, and what it held with it.
                call.on_path(EffectKind.DEVICE, where, "erase")
            if "resize" in call.name and call.has("-f", "--force", "-ff"):
                # Forced past the check that what is stored still fits.
                call.on_path(EffectKind.DEVICE, where, "partition")
    return EMPTY


def _volume_size(call: Call) -> Value:
    """lvresize: bigger is nothing to lose, smaller is the end of what lay there."""
    size = call.after("-L", "--size", "-l", "--extents")
    if call.has("-t", "--test", "--help") or size is None:
        return UNKNOWN
    where = next((arg for arg in reversed(call.args) if arg.text[:1] not in "-+"), None)
    if where is not None and size.text.startswith("-"):
        call.effect(EffectKind.DEVICE, where.text, "volume", "erase")
    elif where is not None and not size.text.startswith("+"):  # the new size, which may be smaller
        call.effect(EffectKind.MOUNT, where.text, "volume")
    return UNKNOWN


def _archived_disk(call: Call) -> Value:
    """fsarchiver restfs IMAGE id=0,dest=/dev/sda1: the place stands inside a word."""
    if call.args and call.args[0].text in ("restfs", "restdisk"):
        for word in call.args[1:]:
            match = re.search(r"\bdest=([^,]+)", word.text)
            if match:
                call.on_path(EffectKind.DEVICE, replace(word, value=known(match[1])), "format")
    return UNKNOWN


def _image(call: Call) -> Value:
    """e2image: what a device holds into a file; with -I, or with a device last, back again."""
    places = [arg for arg in call.args if arg.text[:1] != "-"]
    if call.has("-I"):
        places.reverse()  # e2image -I device image
    for where in places[1:2]:
        call.writes(where, UNKNOWN, "raw", "append")
    return UNKNOWN


_FIO_WRITES = frozenset(
    "write randwrite rw readwrite randrw trim randtrim trimwrite randtrimwrite".split()
)


def _fio(call: Call) -> Value:
    """fio: a load of reads, or of writes, on the files it is given."""
    how = call.after("--rw", "--readwrite", "-rw")
    if call.has("--readonly") or how is None or how.text.partition(":")[0] not in _FIO_WRITES:
        return UNKNOWN
    where = call.after("--filename", "-filename")
    if where is not None:
        for path in where.text.split(":"):
            call.writes(Field(known(path), where.span, where.raw), UNKNOWN, "raw", "append")
    return UNKNOWN


# WRITE in its sizes, FORMAT UNIT, UNMAP, SANITIZE, WRITE SAME, WRITE BUFFER.
_SCSI_WRITES = frozenset("0a 2a aa 8a 04 42 48 41 93 3b 9f 2e ae 8e".split())


def _scsi(call: Call) -> Value:
    """sg_raw: a command of SCSI as bytes, the first of which says whether it writes."""
    operands = [arg for arg in call.args if arg.text[:1] != "-"]
    if len(operands) > 1 and operands[1].text.lower().removeprefix("0x") in _SCSI_WRITES:
        call.on_path(EffectKind.DEVICE, operands[0], "erase")
    return UNKNOWN


_GUEST_CHANGES = re.compile(
    r"\b(?:mkfs|part-|rm|rm-rf|write|upload|zero|lvremove|sgdisk|wipefs|dd)\b"
)


def _guest(call: Call) -> Value:
    """guestfish: changes a disk from outside; what is done follows as words or as input."""
    text = " ".join(arg.text for arg in call.args) + "\n" + call.stdin.text
    where = call.after("-a", "--add")
    if where is not None and not call.has("--ro", "-r") and _GUEST_CHANGES.search(text):
        call.writes(where, UNKNOWN, "raw", "append")
    return UNKNOWN


HANDLERS: dict[str, Handler] = {
    "fio": _fio,
    "sg_raw": _scsi,
    "guestfish": _guest,
    "parted": _parted,
    "wipefs": _wipefs,
    "lvresize": _volume_size,
    "fsarchiver": _archived_disk,
    "e2image": _image,
    **dict.fromkeys(
        "tune2fs e2label resize2fs fsck e2fsck xfs_repair xfs_growfs ntfsfix fsck.ext4 fsck.vfat "
        "fsck.xfs fsck.ext3 ntfsresize fatresize".split(),
        _repair,
    ),
}
