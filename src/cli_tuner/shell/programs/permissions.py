"""chmod and chown: what a mode grants, and to whom."""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.paths import resolved
from cli_tuner.shell.values import (
    EMPTY,
    HOLE,
    UNKNOWN,
    Value,
    known,
)
from cli_tuner.shell.words import Field

_OCTAL = re.compile(r"[0-7]{1,5}$")


def mode_attributes(mode: str) -> tuple[str, ...]:
    """What a mode grants: world-write, all (everything to everybody), setuid, none."""
    if _OCTAL.match(mode):
        return _octal_attributes(mode.zfill(4)[-4:])
    found = [word for clause in mode.split(",") for word in _clause_attributes(clause)]
    return tuple(dict.fromkeys(found))


def _octal_attributes(digits: str) -> tuple[str, ...]:
    special, everybody = int(digits[0]), int(digits[-1])
    facts = {
        "world-write": everybody & 2,
        "world-read": everybody & 4,
        "setuid": special & 4,
        "setgid": special & 2 and not special & 4,
        "all": digits[1:] in ("777", "666"),
        "none": digits[1:] == "000",
        "no-exec": not any(int(digit) & 1 for digit in digits[1:]),
        "private": not everybody,
    }
    return tuple(word for word, holds in facts.items() if holds)


def _clause_attributes(clause: str) -> list[str]:
    match = re.match(r"([ugoa]*)([-+=])([rwxXst]*)$", clause)
    if not match:
        return []
    who, sign, what = match.groups()
    grants = sign in "+="
    others = "a" in who or "o" in who
    takes_all = sign == "-" and (not who or "a" in who)
    complete = set("rwx") <= set(what.replace("X", "x"))
    facts = {
        "world-write": grants and others and "w" in what,
        "world-read": grants and others and "r" in what,
        "all": grants and complete and (others or not who),
        "setuid": grants and "s" in what and who != "g",
        "setgid": grants and "s" in what and who == "g",
        "no-execute": takes_all and "x" in what,
        "no-setuid": sign == "-" and "s" in what,
        "none": (takes_all and "r" in what) or (sign == "=" and not what and set(who) != set("o")),
    }
    return [word for word, holds in facts.items() if holds]


_OPEN_TO_ALL = frozenset({"/tmp", "/var/tmp", "/dev/shm", "/dev/null", "/dev/zero"})  # noqa: S108


def _chmod(call: Call) -> Value:
    modes: list[str] = []
    rest: list[Field] = []
    attributes: list[str] = []
    reference = call.after("--reference")
    for arg in call.args:
        text = arg.text
        if text in ("-R", "--recursive") or re.match(r"-[vcf]*R[vcf]*$", text):
            attributes.append("recursive")
        elif re.match(r"-(?:[vcfhHLP]+$|-\w)", text):
            continue
        elif not modes and reference is None:
            modes.append(text)
        else:
            rest.append(arg)
    for mode in modes:
        attributes += mode_attributes(mode)
        if HOLE in mode:
            attributes.append("unknown-mode")
    if reference is not None:
        attributes.append("copied-mode")
        if resolved(reference.text, call.shell.cwd) in _OPEN_TO_ALL:
            attributes += ["all", "world-write"]
    for where in rest:
        call.on_path(EffectKind.PERMISSION, where, *attributes)
    return EMPTY


def _chown(call: Call) -> Value:
    facts = Facts(
        flags={"-R": "recursive", "--recursive": "recursive"}, values=frozenset({"--from"})
    )
    parsed = call.parsed(facts)
    skip = 0 if call.has("--reference") else 1
    for where in parsed.operands[skip:]:
        call.on_path(EffectKind.OWNER, where, *sorted(parsed.attributes))
    return EMPTY


_ACL = Facts(
    flags={"-R": "recursive", "--recursive": "recursive", "-b": "stripped", "--remove-all":
           "stripped", "--test": "dry"},
    options={"-m": "skip", "--modify": "skip", "--set": "skip", "-s": "skip"},
    values=frozenset({"-x", "--remove", "-M", "--modify-file", "-X", "--set-file", "--restore"}),
)  # fmt: skip
_EVERYBODY = re.compile(
    r"(?:^|,)(?:d(?:efault)?:)?(?:o(?:ther)?s?:{1,2}|(?:u(?:ser)?|g(?:roup)?):"
    r"(?:nobody|nogroup|users|everyone|www-data|guest|anonymous):)([rwxX0-7-]*)"
)


def _setfacl(call: Call) -> Value:
    """setfacl: an access list may open what the mode keeps closed."""
    parsed = call.parsed(_ACL)
    if "dry" in parsed.attributes:
        return EMPTY
    restored = parsed.argument("--restore")
    if restored is not None:
        _restored(call, restored)
    given = parsed.argument("-m", "--modify", "--set", "-s")
    opened = _EVERYBODY.findall(given.text) if given is not None else []
    attributes = ["acl", *sorted(parsed.attributes)]
    if any(set("w2367") & set(rights) for rights in opened):
        attributes += ["world-write", "all"]
    elif any(set("r4567") & set(rights) for rights in opened):
        attributes.append("world-read")
    for where in parsed.operands:
        call.on_path(EffectKind.PERMISSION, where, *attributes)
    return EMPTY


_ACL_FILE = re.compile(r"^# file: (\S+)\n((?:(?!# file).*\n?)*)", re.M)
_ACL_ENTRY = re.compile(r"^(?:default:)?(?:other::|user:\w+:|group::)(\S+)", re.M)


def _restored(call: Call, source: Field) -> None:
    """`setfacl --restore`: the modes of many files, from a file or from standard input."""
    content = call.stdin if source.text == "-" else call.reads(source)
    for path, entries in _ACL_FILE.findall(content.text):
        rights = "".join(_ACL_ENTRY.findall(entries))
        opened = ["world-write", "all"] if "w" in rights else ["world-read"] * ("r" in rights)
        call.on_path(EffectKind.PERMISSION, Field(known(path), source.span, path), "acl", *opened)
    if content.text == HOLE and "file" not in content.taints:
        call.on_path(EffectKind.PERMISSION, Field(content, source.span, source.raw), "recursive")


def _statoverride(call: Call) -> Value:
    """dpkg-statoverride --add user group mode path."""
    operands = [arg for arg in call.args if not arg.text.startswith("-")]
    if call.has("--add") and len(operands) > 3:
        call.on_path(EffectKind.PERMISSION, operands[3], *mode_attributes(operands[2].text))
    return EMPTY


def _hdfs(call: Call) -> Value:
    """hdfs dfs, hadoop fs: the commands of a shell on another file system."""
    operands = call.args[1:] if call.args and call.args[0].text in ("dfs", "fs") else []
    if operands and operands[0].text in ("-rm", "-rmr", "-chmod", "-chown", "-mv"):
        name = "rm" if operands[0].text == "-rmr" else operands[0].text[1:]
        more = ["-r"] if operands[0].text == "-rmr" else []
        words = [Field(known(text), operands[0].span, text) for text in (name, *more)]
        rest = [arg for arg in operands[1:] if arg.text != "-skipTrash"]
        return call.run([*words, *rest])
    return UNKNOWN


def _chattr(call: Call) -> Value:
    """chattr: +i and +a keep even root from changing a file."""
    texts = [arg.text for arg in call.args]
    recursive = ["recursive"] if any(re.match(r"-[VfR]*R", text) for text in texts) else []
    change = next((t for t in texts if re.match(r"[-+=][a-zA-Z]*[iauTAdcsS]", t)), "")
    frozen = ["frozen"] if change[:1] in ("+", "=") and set("ia") & set(change) else []
    for arg in call.args:
        if not re.match(r"[-+=]", arg.text):
            call.on_path(EffectKind.PERMISSION, arg, "immutable", *recursive, *frozen)
    return EMPTY


_GRANTS = re.compile(
    r"(?:everyone|users|\*S-1-1-0|authenticated users|guest)\W*.*[:(](?:[A-Z,()]*[FMW])", re.I
)


def _icacls(call: Call) -> Value:
    """icacls and cacls, as run from a Linux shell on Windows."""
    text = " ".join(arg.text for arg in call.args[1:])
    if call.args and (_GRANTS.search(text) or "/reset" in text.lower()):
        call.effect(EffectKind.PERMISSION, call.args[0].text, "all", "world-write", "at:system")
    return EMPTY


def _takeown(call: Call) -> Value:
    where = call.after("/f", "/F")
    if where is not None:
        call.effect(EffectKind.OWNER, where.text, "recursive", "at:system-top")
    return EMPTY


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("chown", "chgrp", "gchown"), _chown),
    **dict.fromkeys(("setfacl", "nfs4_setfacl"), _setfacl),
    "chattr": _chattr,
    "dpkg-statoverride": _statoverride,
    **dict.fromkeys(("hdfs", "hadoop"), _hdfs),
    **dict.fromkeys(("icacls", "icacls.exe", "cacls", "cacls.exe"), _icacls),
    **dict.fromkeys(("takeown", "takeown.exe"), _takeown),
    **dict.fromkeys(("chmod", "gchmod"), _chmod),
}
