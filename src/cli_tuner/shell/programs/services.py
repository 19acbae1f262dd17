"""Services: which are started, stopped or kept from starting, whatever the manager is called.

Covered: systemctl's vital targets and units, service, rc-service, sv, supervisorctl, initctl,
launchctl, init scripts called by path, and Windows' sc and net. What a service is for is the
rules' business.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.persistence import graded
from cli_tuner.shell.values import EMPTY, HOLE, STAR, UNKNOWN, Value, known
from cli_tuner.shell.words import Field

_STOPS = frozenset(
    "stop force-stop kill disable mask down d x exit unload bootout remove del delete zap shutdown "
    "pause Stopped".split()
)
_READS = frozenset(
    "status list show help dump print blame version state query --status-all".split()
)
_KINDS = frozenset({"-t", "--type", "--state"})
_STOPPING_TARGET = re.compile(
    r"^(?:poweroff|reboot|halt|kexec|emergency|rescue|shutdown|ctrl-alt-del|suspend)(?:\.target)?$"
)
_VITAL_UNIT = re.compile(
    r"^(?:(?:multi-user|sysinit|basic|default|graphical|local-fs|network|getty|sockets|timers|"
    r"paths|swap|rescue|emergency|initrd)\.target|systemd-(?:logind|journald|udevd|tmpfiles-\S+|"
    r"remount-fs|fsck\S*)(?:\.\w+)?|dbus(?:-broker)?(?:\.\w+)?|(?:serial-)?getty@\S*|"
    r"initrd-\S+|-\.mount)$"
)


def _change(call: Call, name: str, action: str) -> None:
    kind = "stop" if action in _STOPS else "run"
    call.effect(EffectKind.SERVICE, name, kind)


def _named_first(call: Call) -> Value:
    """service NAME ACTION, rc-service NAME ACTION, invoke-rc.d NAME ACTION."""
    words = [arg.text for arg in call.args if not arg.text.startswith("-")]
    if len(words) < 2 or words[1] in _READS or call.has("--help"):
        return UNKNOWN
    _change(call, words[0], words[1])
    return EMPTY


def _action_first(call: Call) -> Value:
    """sv ACTION NAME, supervisorctl ACTION NAME, initctl, s6-rc, sc, net, launchctl."""
    words = [arg.text for arg in call.args if not arg.text.startswith("-")]
    if not words or words[0] in _READS or call.has("--help", "-h"):
        return UNKNOWN
    action, names = words[0], words[1:]
    if call.name == "sc" and action == "config":
        action = "disable" if "disabled" in " ".join(words) else "run"
    if call.name == "net" and action == "usershare":
        from cli_tuner.shell.programs.sharing import usershare

        usershare(call)
        return EMPTY
    if call.name == "net" and action not in ("stop", "start"):
        return _windows_accounts(call, action, words[1:])
    for name in names[:8] or ["all"]:
        _change(call, name, action)
    return EMPTY


def _windows_accounts(call: Call, action: str, words: list[str]) -> Value:
    """net user, net localgroup: Windows' accounts."""
    switches = {word.lower().partition(":")[0] for word in words if word.startswith("/")}
    if action in ("rpc", "sam", "ads"):
        from cli_tuner.shell.programs.accounts import HANDLERS as ACCOUNTS

        return ACCOUNTS["samba-tool"](call)
    if action in ("user", "localgroup", "group") and switches & {"/add", "/delete", "/active"}:
        admin = any("admin" in word.lower() for word in words) and action != "user"
        made = "/add" in switches and action == "user"
        more = ["admin-group"] if admin else ["set"] if made else []
        call.effect(EffectKind.ACCOUNT, words[0], "change", *more)
    return UNKNOWN


def _runlevels(call: Call) -> Value:
    """chkconfig, update-rc.d, rc-update, sysv-rc-conf: what is started at boot."""
    words = [arg.text for arg in call.args if not arg.text.startswith("-")]
    if call.has("--list", "-l") or len(words) < 1 or words[0] in _READS:
        return UNKNOWN
    off = {"off", "disable", "remove", "del", "delete"} & set(words) or call.has("--del", "-f")
    names = [w for w in words if w not in ("add", "del", "delete", "default", "boot")]
    if names:
        _change(call, names[0], "disable" if off else "enable")
    return EMPTY


def _systemctl(call: Call) -> Value:
    """systemctl: what it would start into is as good as what it starts."""
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    words = [arg.text for arg in call.args if not arg.text.startswith("-")]
    verb, names = (words[:1] or [""])[0], words[1:]
    if verb == "set-default" and any(_STOPPING_TARGET.match(name) for name in names):
        call.effect(EffectKind.BOOT, names[0], "default-target")
    if verb in ("mask", "stop", "disable", "kill") and "--user" not in call_texts(call):
        for name in names:
            if _VITAL_UNIT.match(name) and (verb == "mask" or "target" in name):
                call.effect(EffectKind.BOOT, name, "vital-unit")
    if verb in ("start", "enable") and any(_STOPPING_TARGET.match(n) for n in names):
        call.effect(EffectKind.POWER, "the machine")
    if verb == "set-environment" and any(w.startswith("LD_") for w in names):
        call.effect(EffectKind.PERSIST, names[0], "suspect")
    kinds = {call.args[i + 1].text for i, a in enumerate(call.args[:-1]) if a.text in _KINDS}
    if verb.startswith("list-") and not set(names) - kinds:
        return Value((HOLE,), frozenset({"everything"}), "all units")
    every = any("everything" in arg.value.taints for arg in call.args)
    every = every or any(re.fullmatch(r"\*(?:\.\w+)?", name.replace(STAR, "*")) for name in names)
    if every and verb in ("stop", "disable", "mask", "kill"):
        call.effect(EffectKind.SERVICE, "all services", "stop", "all")
    if verb in ("link", "enable", "reenable", "start", "preset"):
        for arg in call.args:
            _unit_file(call, arg)
    if verb == "edit" and call.stdin.known and call.stdin.text and names:
        _unit(call, names[0])
    facts = facts_of("systemctl-commands")
    return apply_facts(call, facts) if facts else UNKNOWN


def _unit_file(call: Call, where: Field) -> None:
    """A unit given by its path: what it is depends on the file, and on who can replace that."""
    if "/" not in where.text or where.text.startswith("-"):
        return
    path = resolved(where.text, call.shell.cwd)
    content = call.shell.files.get(path)
    grade = graded(call.shell, call.name, content) if content is not None else "program"
    if place_of(path) in ("temp", "temp-root"):
        grade = "suspect"
    call.on_path(EffectKind.PERSIST, where, grade, "startup")


def _unit(call: Call, name: str) -> None:
    """systemctl edit takes a unit from its input as well."""
    path = f"/etc/systemd/system/{name}"
    call.writes(Field(known(path), call.shell.span, path), call.stdin)


def call_texts(call: Call) -> list[str]:
    """The arguments' texts."""
    return [arg.text for arg in call.args]


def init_script(call: Call, name: str) -> Value:
    """/etc/init.d/NAME ACTION, and rc.d scripts."""
    words = call_texts(call)
    if words and words[0] not in _READS:
        _change(call, name, words[0])
    return EMPTY


HANDLERS: dict[str, Handler] = {
    "systemctl": _systemctl,
    **dict.fromkeys(("service", "rc-service", "invoke-rc.d", "rcctl"), _named_first),
    **dict.fromkeys(
        ("sv", "supervisorctl", "initctl", "s6-rc", "s6-svc", "sc", "net", "monit", "pm2"),
        _action_first,
    ),
    **dict.fromkeys(("update-rc.d", "chkconfig", "rc-update", "sysv-rc-conf"), _runlevels),
}
