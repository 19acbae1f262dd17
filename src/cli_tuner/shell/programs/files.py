"""Copying, moving, linking and overwriting files."""

from __future__ import annotations

import re
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler, Parsed
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.labels import labels_of
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.programs.permissions import mode_attributes
from cli_tuner.shell.values import (
    EMPTY,
    HOLE,
    STAR,
    UNKNOWN,
    Value,
    concatenated,
)
from cli_tuner.shell.words import Field

_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kKMGTPEZY]?)(?:i?[bB])?")


def bytes_of(text: str) -> float:
    """`10G` as a number of bytes; 0 for what is none."""
    match = _SIZE.fullmatch(text.lstrip("+-").replace("_", ""))
    if not match:
        return 0
    power = "kmgtpezy".find(match.group(2).lower()) + 1 if match.group(2) else 0
    return float(match.group(1)) * 1024.0**power


def _dd(call: Call) -> Value:
    """dd if=... of=..., and ddrescue IN OUT [MAP]."""
    named = [arg for arg in call.args if arg.text[:1] != "-" and "=" not in arg.text]
    if call.name in ("ddrescue", "dd_rescue") and len(named) > 1:
        call.writes(named[1], call.reads(named[0]), "raw")
        return EMPTY
    given = {}
    for arg in call.args:
        key, equals, rest = arg.text.partition("=")
        if equals:
            texts = tuple(text.partition("=")[2] for text in arg.value.texts)
            given[key] = Field(replace(arg.value, texts=texts), arg.span, rest or arg.raw)
    content = call.reads(given["if"]) if "if" in given else call.stdin
    if "count" in given:
        content = replace(content, taints=content.taints - {"endless"})
        sizes = bytes_of(given["bs"].text) if "bs" in given else 512
        if "of" in given and bytes_of(given["count"].text) * sizes >= _HUGE:
            call.effect(EffectKind.RESOURCE, given["of"].text, "disk")
    for wiped in [given[key] for key in ("wipe", "hwipe") if key in given]:  # dc3dd
        call.writes(wiped, UNKNOWN, "raw")
    if "of" in given:
        call.writes(given["of"], content, "raw")
        return EMPTY
    return content


_COPY = Facts(
    flags={
        "-r": "recursive", "-R": "recursive", "-a": "recursive", "--recursive": "recursive",
        "--archive": "recursive", "-f": "forced", "-d": "make-directory", "-T": "exact",
    },
    values=frozenset({"-S", "--suffix", "-o", "-g", "--owner", "--group"}),
    options={"-t": "write", "--target-directory": "write", "-m": "skip", "--mode": "skip"},
)  # fmt: skip
_INSTALL = replace(_COPY, flags={"-d": "make-directory", "-D": "parents"})


def _copy(call: Call) -> Value:
    """cp and install: sources are read, the target is written with what they hold."""
    parsed = call.parsed(_INSTALL if call.name == "install" else _COPY)
    mode = parsed.argument("-m", "--mode")
    if mode is not None:
        for where in parsed.operands[-1:]:
            call.on_path(EffectKind.PERMISSION, where, *mode_attributes(mode.text))
    if call.name == "install" and "make-directory" in parsed.attributes:
        return EMPTY
    sources, target = _sources_and_target(parsed)
    contents = [call.reads(source) for source in sources]
    if "recursive" in parsed.attributes:
        from cli_tuner.shell.programs.archives import loot

        loot(call, sources, target)
    if target is not None and contents:
        into = _in_folder(call, target, sources)
        _copied(call, sources, into)
        call.writes(into, concatenated(contents), *sorted(parsed.attributes))
    return EMPTY


_PROGRAM = re.compile(r"(?:/usr(?:/local)?)?/s?bin/[\w.-]+")


def _copied(call: Call, sources: list[Field], target: Field) -> None:
    """A copy of a program, or a link to one, does what the program does."""
    path = resolved(sources[0].text, call.shell.cwd)
    if len(sources) == 1 and _PROGRAM.fullmatch(path):
        call.shell.copies[resolved(target.text, call.shell.cwd)] = path


def _sources_and_target(parsed: Parsed) -> tuple[list[Field], Field | None]:
    target = parsed.argument("-t", "--target-directory")
    if target is not None:
        return parsed.operands, replace(
            target, value=Value(tuple(t.rstrip("/") + "/" for t in target.value.texts))
        )
    if len(parsed.operands) < 2:
        return parsed.operands, None
    return parsed.operands[:-1], parsed.operands[-1]


_FOLDERS = re.compile(
    r"^/(?:etc|usr|bin|sbin|lib|boot|root|tmp)(?:/(?:local|bin|sbin|[\w.-]+\.d))*$"
)


def _in_folder(call: Call, target: Field, sources: list[Field]) -> Field:
    """`cp a /etc/` writes /etc/a."""
    text = target.text
    path = resolved(text, call.shell.cwd)
    folder = text.endswith("/") or _FOLDERS.match(path) or text in (".", "..")
    if not folder or len(sources) != 1:
        return target
    name = sources[0].text.rstrip("/").rpartition("/")[2]
    return replace(target, value=Value((text.rstrip("/") + "/" + name,), target.value.taints))


def _move(call: Call) -> Value:
    """mv: sources go away, the target is written."""
    parsed = call.parsed(_COPY)
    sources, target = _sources_and_target(parsed)
    void = target is not None and resolved(target.text, call.shell.cwd) == "/dev/null"
    if "forced" in parsed.attributes and target is not None:
        both = [*sources, target]
        if all(where.text == HOLE and "unknown" in where.value.taints for where in both):
            call.effect(EffectKind.OPAQUE, target.raw, "path")
    for source in sources:
        path = resolved(source.text, call.shell.cwd)
        call.on_path(EffectKind.MOVE, source, *(("void",) if void else ()))
        if target is not None and not void:
            call.shell.moved[resolved(_in_folder(call, target, [source]).text, call.shell.cwd)] = (
                path
            )
        if path in call.shell.files and target is not None:
            call.shell.files[resolved(target.text, call.shell.cwd)] = call.shell.files[path]
    if target is not None and sources and not void:
        extra = ("onto-one",) if _onto_one_name(call, sources, target) else ()
        call.writes(_in_folder(call, target, sources), _content(call, sources[0]), *extra)
    return EMPTY


# A name as files have them; `conf.d` and `v1.2` are folders.
_FILE_NAME = re.compile(r"(?:.*/)?[^/]+\.(?!d$)[A-Za-z][A-Za-z0-9]{0,4}")
_ONE_BY_ONE = frozenset({"find", "fd", "fdfind", "xargs", "parallel"})
_KEEPS = ("-n", "--no-clobber", "-i", "--interactive", "-b", "--backup", "-t")


def _onto_one_name(call: Call, sources: list[Field], target: Field) -> bool:
    """Whether each of several files gets the same name, one after the other: the last one stays.

    So it is in a loop, and where find or xargs names one file at a time. `mv *.txt all.txt`, all at
    once, is an error.
    """
    if len(sources) != 1 or call.has(*_KEEPS) or not _FILE_NAME.fullmatch(target.raw.strip("\"'")):
        return False
    if any(sign in target.raw for sign in ("$", "`", "{", "*", "?")):
        return False
    source = sources[0].value
    several = len(source.texts) > 1 or any(sign in source.text for sign in (STAR, HOLE))
    if "alone" in source.taints or not (several or "many" in source.taints):
        return False
    if "$" in sources[0].raw and call.shell.scope.looping > 0:
        return True
    return any(name in _ONE_BY_ONE for name in call.shell.via)


def _rename(call: Call) -> Value:
    """mmv: its own globs, quoted, name what is moved."""
    operands = [arg for arg in call.args if not arg.text.startswith("-")]
    if operands and not call.has("-n", "--help", "-h"):
        texts = tuple(text.replace("*", STAR) for text in operands[0].value.texts)
        moved = replace(operands[0], value=replace(operands[0].value, texts=texts))
        call.on_path(EffectKind.MOVE, moved)
    return EMPTY


def _content(call: Call, source: Field) -> Value:
    """What is in a file or folder that gets another name."""
    path = resolved(source.text, call.shell.cwd)
    known_for = labels_of(path) & {"secret", "sensitive"}
    if place_of(path) in ("root", "home-root"):
        known_for |= {"sensitive"}
    return call.shell.files.get(path) or Value((HOLE,), known_for | {"file"}, source.raw)


# Targets in which nobody works on the machine, or it does not stay up.
_STOPPING_TARGET = re.compile(
    r"/(?:poweroff|reboot|halt|kexec|emergency|rescue|shutdown|ctrl-alt-del)\.target$"
)


def _link(call: Call) -> Value:
    """ln: a name is made, or replaced with -f."""
    facts = Facts(
        flags={"-f": "forced", "--force": "forced", "-s": "symbolic", "-n": "exact",
               "--no-dereference": "exact", "-T": "exact"},
        values=frozenset({"-t"}),
    )  # fmt: skip
    parsed = call.parsed(facts)
    if len(parsed.operands) < 2:
        return EMPTY
    exact = "exact" in parsed.attributes
    target = parsed.operands[-1]
    if not exact:
        target = _in_folder(call, target, parsed.operands[:-1])
    _copied(call, parsed.operands[:-1], target)
    where = resolved(parsed.operands[0].text, call.shell.cwd)
    forced = "forced" in parsed.attributes
    if _STOPPING_TARGET.search(where) and "vital" in labels_of(
        resolved(target.text, call.shell.cwd)
    ):
        call.effect(EffectKind.BOOT, target.text, "default-target")
    if "symbolic" not in parsed.attributes:
        call.reads(parsed.operands[0])  # the same file by another name
    content = replace(_content(call, parsed.operands[0]), source=where)
    if where == "/dev/null" or forced:
        extra = (*(("void",) if where == "/dev/null" else ()), *(("replaces",) if exact else ()))
        call.writes(target, content, "link", *extra)
    else:
        call.writes(target, content, "link", "append")
    return EMPTY


def _tee(call: Call) -> Value:
    parsed = call.parsed(Facts(flags={"-a": "append", "--append": "append"}))
    attributes = ("append",) if "append" in parsed.attributes else ("truncate",)
    for where in parsed.operands:
        if where.text.startswith("/dev/fd/") or where.value.taints & {"pipe"}:
            continue
        call.writes(where, call.stdin, *attributes)
    return call.stdin


def _truncate(call: Call) -> Value:
    parsed = call.parsed(Facts(values=frozenset({"-s", "--size", "-r", "--reference"})))
    size = parsed.argument("-s", "--size")
    if size is not None and "space" in size.value.taints:
        call.effect(EffectKind.RESOURCE, "all the space there is", "disk")
    grows = size is not None and size.text.strip("0") != "" and not size.text.startswith("-")
    for where in parsed.operands:
        call.writes(where, UNKNOWN if grows else EMPTY, "grow" if grows else "truncate")
    return EMPTY


_HUGE = 100 * 2**30


def _fallocate(call: Call) -> Value:
    """fallocate makes room, or takes away what is in the middle of a file."""
    values = frozenset({"-l", "-o", "--length", "--offset"})
    parsed = call.parsed(Facts(values=values))
    size = parsed.argument("-l", "--length")
    cuts = call.has("-p", "-c", "-z", "--punch-hole", "--collapse-range", "--zero-range")
    for where in parsed.operands:
        if cuts:
            call.writes(where, EMPTY, "truncate")
        elif size is not None and (bytes_of(size.text) >= _HUGE or "space" in size.value.taints):
            call.effect(EffectKind.RESOURCE, where.text, "disk")
    return EMPTY


def _mkfile(call: Call) -> Value:
    """mkfile SIZE FILE of macOS and Solaris."""
    operands = [arg for arg in call.args if not arg.text.startswith("-")]
    if len(operands) > 1 and bytes_of(operands[0].text) >= _HUGE:
        call.effect(EffectKind.RESOURCE, operands[1].text, "disk")
    return EMPTY


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("cp", "gcp", "install", "ditto"), _copy),
    **dict.fromkeys(("mv", "gmv"), _move),
    "mmv": _rename,
    **dict.fromkeys(
        ("dd", "ddrescue", "dcfldd", "dc3dd", "sg_dd", "sgp_dd", "dd_rescue", "gdd"), _dd
    ),
    **dict.fromkeys(("tee", "sponge"), _tee),
    "ln": _link,
    "truncate": _truncate,
    "fallocate": _fallocate,
    **dict.fromkeys(("mkfile", "xfs_mkfile"), _mkfile),
}
