"""tar, rsync and scp: packing, mirroring and copying whole trees."""

from __future__ import annotations

import re
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler, Parsed
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.labels import labels_of
from cli_tuner.shell.paths import IN_HOME, IN_ROOT, PROJECT, resolved
from cli_tuner.shell.values import (
    EMPTY,
    HOLE,
    HOME,
    STAR,
    UNKNOWN,
    Value,
    known,
)
from cli_tuner.shell.words import Field

_TAR = Facts(
    flags={"--remove-files": "remove", "-x": "extract", "--extract": "extract", "-c": "create",
           "-r": "create",
           "--append": "create", "-u": "create", "--update": "create",
           "--create": "create", "-t": "list", "--list": "list", "--delete": "edit",
           "-z": "packed", "-P": "absolute", "--absolute-names": "absolute", "-O": "stdout",
           "--to-stdout": "stdout"},
    values=frozenset("-X --exclude --exclude-from -T --files-from --strip-components --transform "
                     "--owner --group --mode -b -I -g -V".split()),
    options={"-f": "skip", "--file": "skip", "-C": "skip", "--directory": "skip",
             "--checkpoint-action": "skip", "--to-command": "skip", "--checkpoint": "skip",
             "--rsh-command": "skip", "--use-compress-program": "skip", "-I": "skip"},
)  # fmt: skip


def _tar(call: Call) -> Value:
    args = call.args
    if (
        args
        and args[0].text[:1] not in ("-", "")
        and re.fullmatch(r"[cxtruAdvzjJfpkPhOTXC]+", args[0].text)
    ):
        first = replace(args[0], value=known("-" + args[0].text))
        call = Call(call.shell, call.name, [first, *args[1:]], call.stdin)
    parsed = call.parsed(_TAR)
    for option in (
        "--checkpoint-action",
        "--to-command",
        "-I",
        "--use-compress-program",
        "--rsh-command",
    ):
        given = parsed.argument(option)
        if given is not None:
            text = given.text.removeprefix("exec=")
            if option in ("-I", "--use-compress-program") or text != given.text or "to" in option:
                call.run_text(replace(given.value, texts=(text,)))
    if "list" in parsed.attributes:
        return UNKNOWN
    if "extract" in parsed.attributes:
        return _extract(call, parsed)
    archive = parsed.argument("-f", "--file")
    if "edit" in parsed.attributes and archive is not None:
        call.writes(archive, UNKNOWN, "edit")
    return _create(call, parsed) if "create" in parsed.attributes else EMPTY


def _extract(call: Call, parsed: Parsed) -> Value:
    archive = parsed.argument("-f", "--file")
    folder = parsed.argument("-C", "--directory")
    content = call.reads(archive) if archive is not None and archive.text != "-" else call.stdin
    if "stdout" in parsed.attributes:
        return Value((HOLE,), content.taints, content.source)
    if "downloaded" in content.taints:
        here = call.shell.cwd if call.shell.cwd not in (IN_HOME, IN_ROOT) else PROJECT
        into = resolved(folder.text, call.shell.cwd) if folder is not None else here
        call.shell.unpacked[into] = "downloaded"
    if "absolute" in parsed.attributes:
        # Its own names decide where the files go.
        call.on_path(EffectKind.WRITE, Field(known("/"), call.shell.span, "-P"), "extract")
    where = _filled(call, folder)
    if where is not None and call.has("--recursive-unlink"):
        call.on_path(EffectKind.DELETE, where, "recursive")
    return EMPTY


def _filled(call: Call, folder: Field | None) -> Field | None:
    """Say that an archive's files go into a folder, unless it is where work is done."""
    if folder is None and call.shell.cwd in (PROJECT, IN_HOME):
        return None
    where = folder or Field(known("."), call.shell.span, ".")
    call.on_path(EffectKind.WRITE, where, "extract")
    return where


def _create(call: Call, parsed: Parsed) -> Value:
    archive = parsed.argument("-f", "--file")
    taints: set[str] = set()
    sources = ""
    listed = parsed.argument("-T", "--files-from")
    if listed is not None and listed.text in ("-", "/dev/stdin"):
        taints |= call.stdin.taints & {"secret", "sensitive"}
    folder = parsed.argument("-C", "--directory")
    operands = [_below(folder, where) for where in parsed.operands]
    loot(call, operands, archive)
    for where in operands:
        taints |= call.reads(where).taints
        sources = sources or where.raw
        if "remove" in parsed.attributes:
            call.on_path(EffectKind.DELETE, where, "recursive")
    result = Value((HOLE,), frozenset(taints), sources)
    if archive is not None and archive.text != "-":
        call.writes(archive, result)
        return EMPTY
    return result


_VAULTS = re.compile(
    r"^(?:~|/root|/home/[^/]+)/\.(?:ssh|aws|gnupg|azure|kube|mozilla|password-store|docker|"
    r"config/(?:gcloud|google-chrome|chromium|op)|local/share/keyrings|thunderbird|electrum)/?$"
)


def _below(folder: Field | None, where: Field) -> Field:
    """A member's path as seen from where tar was started."""
    if folder is None or where.text.startswith(("/", HOME)):
        return where
    texts = tuple(f"{folder.text.rstrip('/')}/{text}" for text in where.value.texts)
    return replace(where, value=replace(where.value, texts=texts))


def loot(call: Call, sources: list[Field], archive: Field | None) -> None:
    """Folders of keys packed together, or into a place that others read."""
    from cli_tuner.shell.paths import place_of, resolved

    vaults = [s.text for s in sources if _VAULTS.match(resolved(s.text, call.shell.cwd))]
    place = place_of(resolved(archive.text, call.shell.cwd)) if archive is not None else ""
    if vaults and (len(vaults) > 2 or place.startswith("temp")):
        call.effect(EffectKind.SECRET, "the folders with keys", "packed")


_RSYNC = Facts(
    flags={"-n": "dry", "--dry-run": "dry", "--delete": "delete", "--delete-after": "delete",
           "--delete-before": "delete", "--delete-during": "delete", "--delete-excluded": "delete",
           "--del": "delete", "--remove-source-files": "remove"},
    values=frozenset("--exclude --include --exclude-from --files-from --rsync-path --port "
                     "--timeout --bwlimit --max-size --min-size --chmod --chown -f --filter "
                     "--log-file --temp-dir "
                     "-T --compare-dest --link-dest --backup-dir --password-file "
                     "--out-format".split()),
    options={"-e": "skip", "--rsh": "skip"},
)  # fmt: skip
_REMOTE = re.compile(r"^(?:[\w.-]+@)?[\w.-]+:(?!\\)|^rsync://")


_OF_THE_SYSTEM = frozenset({"accounts", "boot", "core", "programs"})


def _there(call: Call, target: Field) -> None:
    """What a copy overwrites on the other machine: accounts and programs are as dear there."""
    path = target.text.partition(":")[2]
    if path.startswith("/") and not path.startswith("//") and _OF_THE_SYSTEM & labels_of(path):
        call.writes(replace(target, value=known(path)), UNKNOWN)


def _rsync(call: Call) -> Value:
    """rsync and scp: local sides are read or written, remote ones are the network."""
    parsed = call.parsed(_RSYNC if call.name == "rsync" else Facts(values=_SCP_VALUES))
    shell = parsed.argument("-e", "--rsh")
    if shell is not None and not shell.text.startswith("ssh"):
        call.run_text(shell.value)
    if len(parsed.operands) < 2 or "dry" in parsed.attributes:
        return UNKNOWN
    *sources, target = parsed.operands
    taints: set[str] = set()
    for source in sources:
        if _REMOTE.match(source.text):
            taints.add("downloaded")
            continue
        taints |= call.reads(source).taints & {"secret", "sensitive"}
        if "remove" in parsed.attributes:
            call.on_path(EffectKind.MOVE, source)
    if _REMOTE.match(target.text):
        carried = ("carries:" + taint for taint in sorted(taints))
        call.effect(EffectKind.NETWORK_OUT, target.text, "copy", *carried)
        _there(call, target)
        if "delete" in parsed.attributes:
            call.effect(EffectKind.REMOTE_STATE, target.text, "delete")
            if all(re.search(r"(?:^|/)\.?empty(?:dir)?/*$", s.text) for s in sources):
                gone = target.text.partition(":")[2] or "."
                there = gone if gone.startswith("/") else f"{HOME}/{gone}"
                call.on_path(EffectKind.DELETE, replace(target, value=known(there)), "recursive")
        return EMPTY
    copied = Value((HOLE,), frozenset(taints), sources[0].raw)
    call.writes(target, copied)
    if len(sources) == 1 and re.search(r"(?:^|/)\.?$|/$", target.text):
        name = sources[0].text.rpartition("/")[2].rpartition(":")[2]
        call.shell.files[resolved(f"{target.text}/{name}", call.shell.cwd)] = copied
    if "delete" in parsed.attributes:
        call.on_path(EffectKind.DELETE, target, "recursive", "mirror")
    return EMPTY


def _unzip(call: Call) -> Value:
    """unzip ARCHIVE [-d FOLDER]: reads it, and puts what is in it into the folder."""
    parsed = call.parsed(Facts(values=frozenset({"-x", "-P"}), options={"-d": "skip"}))
    content = call.reads(parsed.operands[0]) if parsed.operands else EMPTY
    if call.has("-p", "-c"):
        return Value((HOLE,), content.taints, content.source)
    folder = parsed.argument("-d")
    if "downloaded" in content.taints and not call.has("-l", "-t", "-Z"):
        into = resolved(folder.text if folder is not None else ".", call.shell.cwd)
        call.shell.unpacked[into] = "downloaded"
    if folder is not None and not call.has("-l", "-t", "-Z", "-v"):
        call.on_path(EffectKind.WRITE, folder, "extract")
    return EMPTY


_PACKERS = {
    "zip": Facts(
        flags={"-m": "move", "--move": "move", "-sf": "dry"},
        values=frozenset("-P -x -i -b -n -t -tt -s -TT --unzip-command".split()),
    ),
    **dict.fromkeys(
        ("7z", "7za", "7zz", "rar"), Facts(flags={"-sdel": "move", "-df": "move"}, single_dash=True)
    ),
}


def _pack(call: Call) -> Value:
    """zip, 7z and rar: the archive is written with what the other operands hold."""
    parsed = call.parsed(_PACKERS[call.name])
    operands = parsed.operands
    if call.name != "zip":
        if operands and operands[0].text == "d" and any(STAR in o.text for o in operands[2:]):
            call.on_path(EffectKind.DELETE, operands[1], "recursive")
        if not operands or operands[0].text not in ("a", "u", "m"):
            return UNKNOWN
        operands = operands[1:]
    if not operands or "dry" in parsed.attributes:
        return UNKNOWN
    archive, sources = operands[0], operands[1:]
    taints: set[str] = set()
    loot(call, sources, archive)
    for where in sources:
        taints |= call.reads(where).taints
        if "move" in parsed.attributes:
            call.on_path(EffectKind.DELETE, where, "recursive")
    packed = Value((HOLE,), frozenset(taints), sources[0].raw if sources else "")
    if archive.text != "-":
        call.writes(archive, packed, "append")
        return EMPTY
    return packed


_SCP_VALUES = frozenset({"-P", "-i", "-F", "-o", "-c", "-l", "-S", "-J"})


def _cpio(call: Call) -> Value:
    """cpio: copies out of an archive into files, into an archive, or from folder to folder."""
    folder = call.after("-D", "--directory")
    letters = "".join(arg.text for arg in call.args if re.match(r"-[a-zA-Z]", arg.text))
    taken = call.has("--extract") or "i" in letters
    if not taken or call.has("--list", "--to-stdout") or "t" in letters:
        return UNKNOWN
    _filled(call, folder)
    if "downloaded" in call.stdin.taints:
        into = resolved(folder.text if folder is not None else ".", call.shell.cwd)
        call.shell.unpacked[into] = "downloaded"
    return EMPTY


HANDLERS: dict[str, Handler] = {
    "cpio": _cpio,
    **dict.fromkeys(("tar", "gtar", "bsdtar"), _tar),
    **dict.fromkeys(("rsync", "scp"), _rsync),
    "unzip": _unzip,
    **dict.fromkeys(_PACKERS, _pack),
}
