"""Accounts and groups: whose, and whether somebody gains rights or is locked out.

Covered: the useradd family, passwd, userdel, pw, sysadminctl, homectl, ldapmodify. Removing or
locking one named ordinary user is administration; doing it to root, to an account that services
run as, with the home folder, or to everybody that a list names, is not.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.values import EMPTY, HOLE, STAR, UNKNOWN, Value
from cli_tuner.shell.words import Field

ADMINS = frozenset(
    "sudo wheel root admin docker-root shadow disk adm sudoers lxd kmem Administrators "
    "domain-admins staff-admin systemd-journal-root".split()
) - {"adm"}
_SYSTEM = frozenset(
    "root daemon bin sys sync mail www-data nobody sshd systemd-network systemd-resolve dbus "
    "messagebus postgres mysql nginx apache http redis mongodb syslog _apt polkitd postfix".split()
)
_LOCKS = frozenset({"-L", "--lock", "-l", "-e", "--expiredate", "-E", "-d", "--delete"})
_NO_LOGIN = re.compile(r"/(?:nologin|false|true|null|sync)$")


def _accounts(call: Call) -> Value:
    """useradd, usermod and their like; joining an administrators' group is more than a change."""
    if call.has("--help", "--list", "-h") or (call.has("-l") and call.name != "usermod"):
        return UNKNOWN
    if [arg.text for arg in call.args] in (["-D"], ["--defaults"]):
        return UNKNOWN
    texts = [arg.text for arg in call.args]
    groups = {name for text in texts for name in text.split(",")}
    attributes = ["change"]
    changes = any(re.match(r"-\w*[GagA]|--groups|--append|--add", text) for text in texts)
    if groups & ADMINS and (changes or len(texts) == 2 or call.name == "gpasswd"):
        attributes.append("admin-group")
    uid = call.after("-u", "--uid", "-ou", "-o")
    joined = any(re.match(r"-[DlmMNrUaL]*(?:o(?:u.*)?|o?u0+)$", arg.text) for arg in call.args)
    if (uid is not None and uid.text == "0") or joined or call.has("--non-unique"):
        attributes.append("uid-0")
    if call.has("-p", "--password"):
        attributes.append("set")
    name = texts[-1] if texts else None
    shell = call.after("-s", "--shell")
    closed = shell is not None and _NO_LOGIN.search(shell.text) is not None
    if (call.name == "usermod" and any(_locks(text) for text in texts)) or closed:
        attributes += ["many"] if call.args and _from_list(call.args[-1]) else _reach(name)
        own = bool(call.args) and _is_own(call.args[-1])
        attributes += ["locked-out"] if own else []
    else:
        own = False
    opened = shell is not None and not _NO_LOGIN.search(shell.text)
    if name in _SYSTEM - {"root"} and call.name != "useradd" and (opened or call.has("-U")):
        # Nobody logs in as a service, until it has a shell.
        attributes.append("set")
    if closed and name != "root" and not own:
        attributes = [a for a in attributes if a != "locked-out"]  # a service needs no shell
    call.effect(EffectKind.ACCOUNT, name, *attributes)
    return EMPTY


def _locks(text: str) -> bool:
    return text in _LOCKS or text.partition("=")[0] in ("--lock", "--expiredate")


def _from_list(where: Field) -> bool:
    """Whether the account is any of those that a list names."""
    undecided = HOLE in where.text or STAR in where.text
    return undecided and bool(where.value.taints & {"many", "file"})


_OWN = re.compile(
    r"\"?(?:\$\{?(?:USER|LOGNAME|SUDO_USER)\}?|\$\((?:whoami|logname|id -un)\)|"
    r"`(?:whoami|logname|id -un)`)\"?"
)


def _is_own(where: Field) -> bool:
    """Whether the account is that of whoever types."""
    return _OWN.fullmatch(where.raw.strip()) is not None


def _reach(name: str | None) -> list[str]:
    """Whether taking this account away takes more than one person's login."""
    if name is None:
        return []
    return ["locked-out"] if name in _SYSTEM else []


def _removal(call: Call) -> Value:
    """userdel, deluser, groupdel, delgroup."""
    if call.has("--help", "-h"):
        return UNKNOWN
    names = [arg for arg in call.args if not arg.text.startswith("-")]
    attributes = ["remove"]
    if call.name in ("userdel", "deluser") and any(
        re.match(r"-\w*r|--remove(?:-home|-all-files)?$|--remove-home", arg.text)
        for arg in call.args
    ):
        attributes.append("home")
    if any(re.match(r"-\w*f|--force", arg.text) for arg in call.args):
        attributes.append("forced")
    group = call.name in ("groupdel", "delgroup") or len(names) == 2
    for where in names[:8]:
        more = _reach(where.text) if where.value.taints else []
        if where.text in _SYSTEM or (group and where.text in ADMINS) or _is_own(where):
            more = ["locked-out"]
        elif _from_list(where):
            more = ["many"]
        call.effect(EffectKind.ACCOUNT, where.text, *attributes, *more)
    return EMPTY


def _passwd(call: Call) -> Value:
    """passwd asks whoever types; given its input, it sets a password that the text knows."""
    if call.has("-S", "--status", "--help", "-h"):
        return UNKNOWN
    named = [arg for arg in call.args if not arg.text.startswith("-")]
    name = named[-1].text if named else "the own password"
    attributes = ["password"]
    letters = "".join(a.text[1:] for a in call.args if re.match(r"-[a-zA-Z]+$", a.text))
    if "d" in letters or call.has("--delete"):
        attributes.append("delete")
    if call.has("--stdin") or call.stdin.texts != ("",):
        attributes.append("set")
    if set("leu") & set(letters) or call.has("--lock", "--expire", "--unlock"):
        attributes += ["many"] if named and _from_list(named[-1]) else _reach(name)
        if named and _is_own(named[-1]) and not call.has("-e", "--expire", "-u", "--unlock"):
            attributes.append("locked-out")
    call.effect(EffectKind.ACCOUNT, name, *attributes)
    return EMPTY


_ADDS_ADMIN = re.compile(
    r"(?:^|\s)(?:-admin|--admin)(?:\s|$)|/Groups/(?:admin|wheel)\b|GroupMembership|"
    r"UniqueID\s+0\b|\s-t\s+admin\b"
)
_READS = frozenset({"-read", "-list", "-search", "list", "inspect", "show", "status", "-readall"})


def _directory(call: Call) -> Value:
    """dscl, dseditgroup, sysadminctl, pw, homectl: other systems' ways to the same accounts."""
    texts = [arg.text for arg in call.args]
    if set(texts) & _READS or not texts or call.has("--help", "-help", "-h"):
        return UNKNOWN
    joined = " ".join(texts)
    attributes = ["change"]
    if _ADDS_ADMIN.search(joined):
        attributes.append("admin-group")
    if re.search(r"-(?:password|newPassword|resetPasswordFor)\b|-passwd\b|-h 0\b", joined):
        attributes.append("set")
    if re.search(r"\buser(?:add|mod)\b", joined):
        if re.search(r"-u 0\b|-o\b", joined):
            attributes.append("uid-0")
        if any(group in ADMINS for text in texts for group in text.split(",")):
            attributes.append("admin-group")
    if re.search(r"^remove\b|-deleteUser\b|-delete /Users|userdel .*-r", joined):
        attributes += ["remove", "home"]
    call.effect(EffectKind.ACCOUNT, texts[-1], *attributes)
    return EMPTY


def _new_users(call: Call) -> Value:
    """newusers: lines as in /etc/passwd, with passwords."""
    lines = call.stdin.text.splitlines()
    rooted = any(line.split(":")[2:3] == ["0"] for line in lines)
    call.effect(EffectKind.ACCOUNT, "new users", "uid-0" if rooted else "set")
    return EMPTY


_LDAP_RIGHTS = re.compile(
    r"Domain Admins|Enterprise Admins|Administrators|cn=(?:admins?|sudo|wheel)\b|uidNumber: 0\b|"
    r"userPassword|sudoRole|unicodePwd|adminCount",
    re.I,
)


def _ldap(call: Call) -> Value:
    if call.has("--help", "-n", "--dry-run"):
        return UNKNOWN
    where = call.after("-f")
    content = call.reads(where) if where is not None else call.stdin
    rights = _LDAP_RIGHTS.search(content.text) is not None
    call.effect(EffectKind.ACCOUNT, "the directory", "admin-group" if rights else "change")
    return EMPTY


_EXPIRED = re.compile(r"^(?:0|1|-1|19\d\d-.*|200\d-.*)$")


def _chage(call: Call) -> Value:
    """chage: an expiry in the past is a lock."""
    if call.has("-l", "--list", "--help", "-h"):
        return UNKNOWN
    named = [arg for arg in call.args if not arg.text.startswith("-")]
    when = call.after("-E", "--expiredate")
    name = named[-1].text if named else None
    locked = when is not None and _EXPIRED.match(when.text) and when.text != "-1"
    more = ["many"] if named and _from_list(named[-1]) else _reach(name)
    if named and _is_own(named[-1]):
        more = ["locked-out"]
    call.effect(EffectKind.ACCOUNT, name, "change", *(more if locked else ()))
    return EMPTY


def _visudo(call: Call) -> Value:
    """visudo is the right way, unless the editor is not one."""
    checks = any(re.match(r"-\w*c", arg.text) for arg in call.args)
    if checks or call.has("--check", "--help"):
        return UNKNOWN
    where = "/etc/sudoers" if call.name == "visudo" else f"the file of {call.name}"
    if call.stdin.texts != ("",):
        call.effect(EffectKind.ACCOUNT, where, "set")
    variables = call.shell.scope.variables
    editor = variables.get("EDITOR") or variables.get("VISUAL") or variables.get("SUDO_EDITOR")
    if editor is not None and not re.match(r"\S*(?:vim?|nvim|nano|emacs|code)\b", editor.text):
        call.effect(EffectKind.ACCOUNT, where, "set")
    call.effect(EffectKind.ACCOUNT, where, "edit")
    return EMPTY


# Servers that hold everybody's accounts: what their tools change, by sub-command or option.
_SERVER_CHANGES = re.compile(
    r"\b(?:user|group|computer|host|sudorule|role|hbacrule)[ -](?:create|add\w*|del\w*|remove\w*|"
    r"setpassword|enable|disable|mod|rename|unlock|setexpiry|edit)\b|\b(?:addmem|delmem|password)\b|"
    r"group-add-member|passwd\b|\b(?:addprinc|add_principal|ank|delprinc|cpw|change_password|modprinc|"
    r"ktadd|xst)\b|(?:^|\s)-[axedn](?:\s|$)|--(?:create|delete|modify)\b"
)
_SERVER_ADMINS = re.compile(
    r"\b(?:Domain|Enterprise|Schema|Account|Server) (?:Admins|Operators)|\bAdministrators?\b|"
    r"\badmins?\b|\bGuest\b|\broot\b|/admin\b|trust admins",
    re.I,
)
_SERVER_PASSWORD = re.compile(
    r"--newpassword|setpassword|\b(?:cpw|change_password)\b.*-pw\b|(?:^|\s)-s(?:\s|$)|^passwd\b"
)


def _server(call: Call) -> Value:
    """samba-tool, smbpasswd, pdbedit, ipa, net rpc, kadmin."""
    text = " ".join(arg.text for arg in call.args)
    if call.name == "pdbedit" and call.has("-w", "--smbpasswd-style", "-Lw"):
        call.effect(EffectKind.SECRET, "password hashes", "dump")
    if call.has("--help", "-h") or not (_SERVER_CHANGES.search(text) or call.name == "smbpasswd"):
        return UNKNOWN
    attributes = ["change"]
    if _SERVER_ADMINS.search(text):
        attributes.append("admin-group")
    if _SERVER_PASSWORD.search(text) or call.stdin.texts != ("",):
        attributes.append("set")
    call.effect(EffectKind.ACCOUNT, "the directory", *attributes)
    return EMPTY


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("samba-tool", "smbpasswd", "pdbedit", "ipa"), _server),
    **dict.fromkeys(("kadmin", "kadmin.local"), _server),
    **dict.fromkeys(("useradd", "adduser", "usermod", "gpasswd", "groupmems", "chsh"), _accounts),
    **dict.fromkeys(("userdel", "deluser", "groupdel", "delgroup"), _removal),
    **dict.fromkeys(("dscl", "dseditgroup", "sysadminctl", "pw", "homectl"), _directory),
    **dict.fromkeys(("ldapmodify", "ldapadd", "ldapdelete", "ldappasswd"), _ldap),
    "passwd": _passwd,
    "newusers": _new_users,
    "chage": _chage,
    **dict.fromkeys(("visudo", "vipw", "vigr"), _visudo),
}
