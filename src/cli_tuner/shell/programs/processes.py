"""Processes and power: who is stopped, and whether that is everybody.

Covered: kill, pkill, killall, fuser and the lists of processes that feed them; the messages that
ask logind, systemd or a desktop to stop the machine; power switches of servers and guests. Not
covered: what a process that is named by its number is.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.values import EMPTY, HOLE, MARKS, QUERY, STAR, UNKNOWN, Value

_VITAL = frozenset(
    "1 -1 init systemd sshd dbus-daemon dbus-broker dockerd containerd kubelet launchd "
    "systemd-logind systemd-journald systemd-udevd systemd-networkd systemd-resolved udevd "
    "NetworkManager networkd wpa_supplicant dhclient getty agetty login Xorg X Xwayland "
    "gnome-shell gnome-session kwin_wayland plasmashell gdm gdm3 lightdm sddm WindowServer "
    "loginwindow Finder crond cron rsyslogd auditd multipathd iscsid libvirtd".split()
)
_EVERY = re.compile(r"\^?(?:\.?[*+]?|\[[^\]]*\][*+]?|\.)\$?$")
_SELECTING = re.compile(
    r"^(?:-p|-C|-q|-t|-s|--sid|--quick-pid|-N|-u|-U|-g|-G|p|--pid|--ppid|--user|--tty)(?:[=\d]|$)"
)


def _kill(call: Call) -> Value:
    """kill: by number; -1 is everybody, and so is a list of everybody."""
    texts = [arg.text for arg in call.args]
    if call.has("-l", "-L", "--list", "-0", "--table"):
        return EMPTY
    signals = [t for t in texts if t.startswith("-")]
    named = call.after("-s", "-n", "--signal")
    operands = [a for a in call.args if not a.text.startswith("-") and a is not named]
    everybody = "-1" in texts and (texts[-1] == "-1" or len(signals) > 1)
    everybody = everybody or any(_whole(a.value) for a in operands)
    if _FORCED & set(signals) and any(
        _UNDECIDED.match(a.raw) for a in operands if not a.value.known
    ):
        call.effect(EffectKind.OPAQUE, operands[0].raw, "process")
    _stopped(call, [_name_of(a.value) for a in operands], everybody)
    return EMPTY


_FORCED = frozenset({"-9", "-KILL", "-SIGKILL"})
# A variable that this text does not set; what it holds, nobody reads here.
_UNDECIDED = re.compile(r"\"?\$\{?[A-Z][A-Z_0-9]*\}?\"?$")


def _name_of(value: Value) -> str:
    """The process that a number stands for, if the text found the number by its name."""
    if "process" in value.taints:
        return value.source.strip("^$")
    if "file" in value.taints and (match := re.search(r"([\w@-]+)\.pid$", value.source)):
        return match[1]
    return value.text


def _whole(value: Value) -> bool:
    """A list of all processes, or a glob in the place of their numbers."""
    bare = value.text.removeprefix("/proc/")
    globbed = any(mark in bare for mark in (STAR, QUERY)) and not bare.strip(MARKS + "0123456789")
    return "everything" in value.taints or globbed


_BY_NAME = Facts(
    flags={"-v": "inverse", "--inverse": "inverse", "-r": "regex", "--regexp": "regex",
           "-f": "full"},
    values=frozenset("-u -U -g -G -P -t -s -n --user --euid --uid --pgroup --group --parent "
                     "--terminal --session --signal --ns --nslist -F --pidfile -y -o "
                     "--younger-than --older-than".split()),
)  # fmt: skip


def _kill_by_name(call: Call) -> Value:
    """pkill, killall, skill: by name, owner or terminal."""
    if call.has("-l", "--list", "-0", "--help", "-V", "--version"):
        return EMPTY
    args = [a for a in call.args if not re.match(r"-(?:\d+|SIG)?[A-Z]{3,}\d*$|-\d+$", a.text)]
    parsed = Call(call.shell, call.name, args, call.stdin).parsed(_BY_NAME)
    names = [a.text for a in parsed.operands]
    owner = parsed.argument("-u", "-U", "--user", "--euid", "--uid")
    everybody = call.name == "killall5" or (owner is not None and not names)
    if owner is not None and owner.text in ("root", "0"):
        everybody = True
    everybody = everybody or (call.name != "skill" and any(_EVERY.match(n) for n in names))
    everybody = everybody or "inverse" in parsed.attributes
    everybody = everybody or any("everything" in a.value.taints for a in parsed.operands)
    _stopped(call, [n for n in names if n != "1"], everybody)
    return EMPTY


def _stopped(call: Call, names: list[str], everybody: bool) -> None:
    attributes = ["all"] if everybody else []
    if any(name.strip("^$").rpartition("/")[2] in _VITAL for name in names):
        attributes.append("vital")
    known = [name for name in names if HOLE not in name]
    target = (
        known[0]
        if known
        else names[0]
        if names
        else "all processes"
        if everybody
        else "what it names"
    )
    call.effect(EffectKind.PROCESS, "what it names" if HOLE in target else target, *attributes)


def _ps(call: Call) -> Value:
    """ps lists processes: all of them unless it is told which."""
    chosen = any(_SELECTING.match(arg.text) for arg in call.args)
    taints = frozenset() if chosen else frozenset({"everything"})
    return Value((HOLE,), taints, "the processes")


def _pgrep(call: Call) -> Value:
    """pgrep, pidof: numbers that remember the name they were found by."""
    names = [arg.text for arg in call.args if not arg.text.startswith("-")]
    whole = any(_EVERY.match(name) for name in names) or call.has("-v", "--inverse")
    named = next((n for n in names if n.strip("^$") in _VITAL), names[-1] if names else "")
    taints = {"everything"} if whole and call.name == "pgrep" else {"process"}
    return Value((HOLE,), frozenset(taints), named or "the processes found")


def _fuser(call: Call) -> Value:
    """fuser -k ends whoever uses a file; with -m, whoever uses the file system it is on."""
    kills = any(re.match(r"-[a-zA-Z]*k|--kill", arg.text) for arg in call.args)
    if not kills:
        return UNKNOWN
    for arg in call.args:
        if arg.text.startswith("/"):
            place = place_of(resolved(arg.text, call.shell.cwd))
            wide = place in ("root", "system-top", "home-root", "temp-root", "device")
            call.effect(EffectKind.PROCESS, arg.text, *(("all",) if wide else ()))
    return EMPTY


_STOPS = re.compile(
    r"(?:login1|ConsoleKit|systemd1|UPower|PowerManagement|SessionManager|ksmserver|LogoutPrompt|"
    r"Shutdown|login1\.Manager)\S*(?:.*?)\b(?:\w+\.)*(?:PowerOff|Reboot|Halt|KExec|Suspend|"
    r"Hibernate|HybridSleep|SuspendThenHibernate|PowerOffWithFlags|RebootWithFlags|HaltWithFlags|"
    r"ScheduleShutdown|SoftReboot|Stop|Restart|Shutdown|logout\w*|Logout|TerminateUser|"
    r"TerminateSession|TerminateSeat|KillUser|KillSession|Exit|RequestReboot|RequestShutdown)\b",
    re.S,
)


_ACCOUNTS = re.compile(
    r"Accounts\S*[\s\S]*\b(CreateUser|DeleteUser|SetAccountType|SetPassword\w*|SetLocked)\b"
)


def _bus(call: Call) -> Value:
    """busctl, dbus-send, gdbus, qdbus: a message may be a command to stop."""
    text = " ".join(arg.text for arg in call.args)
    if call.has("introspect", "list", "tree", "status", "monitor", "get-property"):
        return UNKNOWN
    if _STOPS.search(text):
        call.effect(EffectKind.POWER, "the machine")
    elif match := _ACCOUNTS.search(text):
        rights = re.search(r"\s(?:int32:)?1(?:\s|$)|SetPassword", text)
        call.effect(EffectKind.ACCOUNT, match[1], "admin-group" if rights else "change")
    elif match := re.search(r"(StopUnit|KillUnit|DisableUnitFiles|MaskUnitFiles)\W+(.*)", text):
        call.effect(EffectKind.SERVICE, match.group(2).split(" ")[-1] or "a unit", "stop")
    elif "StartTransientUnit" in text and not call.has("--user", "--session"):
        # The system's manager, which is root, starts what the message says.
        call.effect(EffectKind.PRIVILEGE, "root", "escape")
    elif match := re.search(r"systemd1\.\w+\W(?:Start|Restart|Reload|Enable|Link)\w*\W(.*)", text):
        call.effect(EffectKind.SERVICE, match[1].split(" ")[0] or "a unit", "run")
    return UNKNOWN


_SWITCH = {
    "ipmitool": r"\bpower\s+(?:off|cycle|reset|soft|diag)|\bmc\s+reset|clear-cmos=yes|"
    r"\bhpm\s+upgrade|\bsel\s+clear|\buser\s+(?:set|enable|priv)",
    "xm": r"(?:destroy|shutdown|reboot)\b.*\s(?:Domain-0|0|-a|--all)\b",
    "xl": r"(?:destroy|shutdown|reboot)\b.*\s(?:Domain-0|0|-a|--all)\b",
    "ipmi-power": r"--off|--cycle|--reset|--soft|(?:^|\s)-[fcr]\b",
    "racadm": r"serveraction\s+(?:powerdown|powercycle|hardreset|graceshutdown)|racreset",
    "pmset": r"sleepnow|restart|shutdown|relative\s+(?:sleep|shutdown)",
    "rtcwake": r"-m\s*(?:mem|off|disk|standby|freeze)",
    "esxcli": r"system\s+shutdown\s+(?:poweroff|reboot)",
    "vim-cmd": r"power\.(?:off|reset)|hostsvc/.*(?:shutdown|reboot)",
    "xe": r"(?:host|vm)-(?:shutdown|reboot)|vm-(?:destroy|reset-powerstate)",
    "qm": r"^(?:stop|destroy|reset|shutdown)\b",
    "pct": r"^(?:stop|destroy|shutdown)\b",
    "upscmd": r"(?:load|shutdown)\.\w+",
    "upsmon": r"-c\s*fsd",
    "upsdrvctl": r"shutdown",
    "uhubctl": r"-a\s*(?:off|0|cycle)",
    "loginctl": r"^(?:poweroff|reboot|halt|suspend|hibernate|hybrid-sleep)\b",
    "wmic": r"(?:call|os)\b.*(?:shutdown|reboot|win32shutdown|terminate)",
    "osascript": r"shut ?down|\brestart\b|\blog ?out\b|«event aevt(?:rsdn|rrst|rlgo|logo)",
}


def _switch(call: Call) -> Value:
    """Power switches outside the usual commands."""
    text = " ".join(arg.text for arg in call.args)
    if re.search(_SWITCH[call.name], text, re.I):
        call.effect(EffectKind.POWER, "the machine")
    if call.name == "osascript":
        from cli_tuner.shell.programs.interpreters import HANDLERS as LANGUAGES

        return LANGUAGES["osascript"](call)
    if call.name == "loginctl":
        return _sessions(call)
    return UNKNOWN


def _sessions(call: Call) -> Value:
    verb, names = call.args[0].text if call.args else "", [a.text for a in call.args[1:]]
    if verb == "enable-linger":
        call.effect(EffectKind.PERSIST, "linger", "program")
    elif verb.startswith(("terminate-", "kill-")):
        wide = any(name in ("root", "0", "seat0") for name in names) or verb.endswith("seat")
        target = names[-1] if names else "sessions"
        call.effect(EffectKind.PROCESS, target, "session", *(("all",) if wide else ()))
    return UNKNOWN


HANDLERS: dict[str, Handler] = {
    "kill": _kill,
    **dict.fromkeys(("pkill", "killall", "killall5", "skill", "slay"), _kill_by_name),
    "ps": _ps,
    **dict.fromkeys(("pgrep", "pidof"), _pgrep),
    "fuser": _fuser,
    **dict.fromkeys(("busctl", "dbus-send", "gdbus", "qdbus", "qdbus6", "qdbus-qt5"), _bus),
    **dict.fromkeys(_SWITCH, _switch),
}
