"""Programs that hand out keys, tickets and stored passwords, or read files past the system.

    debugfs -R 'cat /etc/shadow' /dev/sda1    a file, read from the disk below it
    gh auth token                             an issued token, marked with whose it is

What is printed carries the mark `shown`: it matters if it reaches the terminal, not if it goes
into the header of its own issuer or to a program that asks for it. Not covered: agents' sockets
(`variables`), clouds (`remote_state`), key files (`labels.yaml`).
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.dispatch import apply_facts
from cli_tuner.shell.facts import facts_of
from cli_tuner.shell.values import EMPTY, HOLE, UNKNOWN, Value, known
from cli_tuner.shell.words import Field

_MANY = frozenset({"many", "everything"})


def handed_out(call: Call, source: str, issuer: str = "") -> Value:
    """What a client of a store prints: one secret, or, named by a list, any there is.

    With an issuer it is a token that the issuer's own hosts may get.
    """
    every = any(arg.value.taints & _MANY for arg in call.args)
    mark = f"env:{issuer}_TOKEN" if issuer else "secret"
    return Value((HOLE,), frozenset({mark, "shown", *(["everything"] if every else [])}), source)


_DISK_READS = re.compile(r"^\s*(?:cat|dump|rdump)\s+(?:-p\s+)?\"?([^\s\"]+)", re.M)
_DISK_WRITES = re.compile(r"^\s*write\s+(\S+)\s+(\S+)", re.M)


def _debugfs(call: Call) -> Value:
    """debugfs: files of a disk, read and written without the system's permissions."""
    request = call.after("-R", "-f")
    text = (request.text if request is not None else "") + "\n" + call.stdin.text
    facts = facts_of("debugfs-device")
    if facts is not None:
        apply_facts(call, facts)
    contents = [_on_disk(call, match[1]) for match in _DISK_READS.finditer(text)]
    for match in _DISK_WRITES.finditer(text):
        where = Field(known(match[2]), call.shell.span, match[2])
        call.writes(where, _on_disk(call, match[1]))
    return contents[0] if contents else UNKNOWN


def _on_disk(call: Call, path: str) -> Value:
    return call.reads(Field(known(path), call.shell.span, path))


def _keytab(call: Call) -> Value:
    """klist and ktutil: the keys of a keytab, if they are asked for."""
    if call.has("-K") or (call.name == "ktutil" and call.has("list", "get")):
        call.effect(EffectKind.SECRET, "the keytab", "dump")
    return UNKNOWN


def _accounts_dump(call: Call) -> Value:
    """Password hashes of Samba, and attributes of a directory that hold them."""
    texts = [arg.text for arg in call.args]
    hashes = call.name == "tdbdump" or (call.name == "ldapsearch" and _HASHES & set(texts))
    for where in call.args:
        if call.name == "tdbdump" and not where.text.startswith("-"):
            call.reads(where)
    if hashes:
        call.effect(EffectKind.SECRET, "password hashes", "dump")
    return Value((HOLE,), frozenset({"sensitive"}), call.name)


_HASHES = frozenset(
    "userPassword unicodePwd sambaNTPassword sambaLMPassword krbPrincipalKey ms-Mcs-AdmPwd".split()
)


def _keys(call: Call) -> Value:
    """evtest, showkey and their like read what is typed."""
    for where in call.args:
        if not where.text.startswith("-"):
            call.reads(where)
    return EMPTY


HANDLERS: dict[str, Handler] = {
    "debugfs": _debugfs,
    **dict.fromkeys(("klist", "ktutil"), _keytab),
    **dict.fromkeys(("tdbdump", "ldapsearch"), _accounts_dump),
    **dict.fromkeys(("evtest", "input-events", "libinput-debug"), _keys),
}
