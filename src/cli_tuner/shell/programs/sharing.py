"""What a machine or an account shows to everybody: exports, shares, stores of objects.

Covered: `/etc/exports` and `exportfs`, `smb.conf` and `net usershare`, and public grants on the
object stores of the large clouds. A share for one host, or one of a folder made for it, is
administration. Not covered: policies in files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.values import EMPTY, Value

if TYPE_CHECKING:
    from cli_tuner.shell.effects import Interpreter

_EXPORT = re.compile(r"^\s*(?P<path>/\S*)\s+(?P<hosts>\S.*)$", re.M)
_ANYBODY = re.compile(r"(?:^|\s)(?:\*|0\.0\.0\.0/0|::/0|)\(")
_SAMBA_PATH = re.compile(r"^\s*path\s*=\s*(\S+)", re.M | re.I)
_SAMBA_OPEN = re.compile(
    r"^\s*(?:guest\s*ok|public|map\s+to\s+guest)\s*=\s*(?:yes|true|bad\s+user)", re.M | re.I
)
_SAMBA_WRITES = re.compile(
    r"^\s*(?:writ(?:e)?able|write\s+ok)\s*=\s*(?:yes|true)|^\s*read\s*only\s*=\s*(?:no|false)|"
    r"^\s*force\s+user\s*=\s*root",
    re.M | re.I,
)
_PRIVATE = frozenset(
    {"root", "system", "system-top", "home-root", "home-config", "home-top", "device"}
)


def exported(shell: Interpreter, utility: str, path: str, text: str) -> None:
    """Emit what the lines of an exports or Samba file open to everybody."""
    if path == "/etc/exports" or path.startswith("/etc/exports.d/"):
        for match in _EXPORT.finditer(text):
            hosts = match["hosts"]
            rooted = "no_root_squash" in hosts
            anybody = _ANYBODY.search(hosts) is not None
            private = place_of(resolved(match["path"])) in _PRIVATE
            writable = rooted or "rw" in hosts
            if (anybody and writable and (rooted or private)) or (rooted and private):
                _opened(shell, utility, match["path"])
    elif path.endswith("/smb.conf") or "/samba/" in path:
        where = _SAMBA_PATH.search(text)
        private = where is not None and place_of(resolved(where[1])) in _PRIVATE
        if private and _SAMBA_OPEN.search(text) and _SAMBA_WRITES.search(text):
            _opened(shell, utility, where[1] if where else path)


def _opened(shell: Interpreter, utility: str, target: str) -> None:
    shell.emit(EffectKind.PERMISSION, utility, target, ("shared", "world-write"))


def _exportfs(call: Call) -> Value:
    """exportfs -o options host:/path."""
    options = call.after("-o")
    for arg in call.args:
        host, colon, path = arg.text.partition(":")
        if colon and path.startswith("/") and options is not None:
            line = f"{path} {host or '*'}({options.text})"
            exported(call.shell, call.name, "/etc/exports", line)
    return EMPTY


def usershare(call: Call) -> None:
    """net usershare add NAME PATH [COMMENT [ACL [guest_ok=y]]]."""
    texts = [arg.text for arg in call.args]
    if texts[:2] == ["usershare", "add"] and len(texts) > 3 and "guest_ok=y" in texts:
        private = place_of(resolved(texts[3], call.shell.cwd)) in _PRIVATE
        if private and re.search(r"Everyone:[Ff]", " ".join(texts)):
            _opened(call.shell, call.name, texts[3])


# Everybody may write, or what kept a store from being opened is taken away; everybody may read.
_STORES = {
    "aws": (
        r"--(?:acl|grant-\S+)[= ](?:public-read-write|\S*AllUsers)|delete-public-access-block|"
        r"put-public-access-block\b.*Block\w+=false|put-bucket-policy\b.*\"Principal\":\s*\"\*\""
    ),
    "gsutil": (
        r"\biam ch\b.*\ball(?:Authenticated)?Users:(?:object|legacy|admin)\w*|"
        r"\bacl ch\b.*-u All(?:Authenticated)?Users:[WO]|\b(?:def)?acl set\b.*public-read-write"
    ),
    "gcloud": (
        r"storage\b.*add-iam-policy-binding.*all(?:Authenticated)?Users.*(?:[aA]dmin|[cC]reator)"
    ),
    "az": r"storage container set-permission.*--public-access[= ]container|"
    r"storage account update.*--allow-blob-public-access[= ]true",
    "mc": r"\b(?:anonymous|policy) set (?:public|upload)\b",
    "s3cmd": r"\bsetacl\b.*--acl-public|--acl-grant=\w+:anon",
}
STORES = frozenset(_STORES)


def store_opened(call: Call) -> None:
    """Emit a public grant on a store of objects."""
    text = " ".join(arg.text for arg in call.args)
    match = re.search(_STORES[call.name], text)
    if match is not None and not call.has("--help", "--dry-run", "--dryrun"):
        call.effect(EffectKind.PERMISSION, match[0], "shared", "world-write")


HANDLERS: dict[str, Handler] = {"exportfs": _exportfs}
