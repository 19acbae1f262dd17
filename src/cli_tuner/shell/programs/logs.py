"""The journal and what keeps records: how much a vacuum leaves; hooks in macOS' defaults."""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.labels import labels_of
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.values import EMPTY, HOLE, UNKNOWN, Value

# Less than a day, less than 10 MB, one file: that is emptying, not tidying.
_ALMOST_NOTHING = re.compile(
    r"^(?:\d+\s*(?:us|ms|s|sec|seconds?|m|min|minutes?|h|hours?)?|[\d.]+(?:B|K|KB)?|[0-9]M)$", re.I
)


def _journalctl(call: Call) -> Value:
    for option in ("--vacuum-time", "--vacuum-size", "--vacuum-files"):
        limit = call.after(option)
        if limit is None:
            continue
        empties = _ALMOST_NOTHING.match(limit.text) and not (
            option == "--vacuum-files" and limit.text.isdigit() and int(limit.text) > 1
        )
        call.effect(EffectKind.LOG, "the journal", "vacuum-all" if empties else "vacuum")
    if call.has("--rotate", "--flush", "--relinquish-var"):
        call.effect(EffectKind.LOG, "the journal", "rotate")
    return Value((HOLE,), frozenset({"file", "sensitive"}), "the journal")


_HOOKS = re.compile(r"LoginHook|LogoutHook|AutoLaunchedApplicationDictionary|LaunchAgents")


def _defaults(call: Call) -> Value:
    """defaults: macOS' settings, among them what is started at login, and protection."""
    words = [arg.text for arg in call.args]
    if "write" not in words and "delete" not in words:
        return UNKNOWN
    text = " ".join(words)
    if _HOOKS.search(text) and "write" in words:
        call.effect(EffectKind.PERSIST, "a login hook", "suspect")
    elif re.search(
        r"com\.apple\.(?:alf\b|LaunchServices.*LSQuarantine|XProtect)|GKAutoRearm", text
    ):
        call.effect(EffectKind.FIREWALL, "the system's protection", "disable")
    elif re.search(r"SoftwareUpdate.*(?:Automatic|Critical|ConfigData).*(?:false|NO|0)\b", text):
        call.effect(EffectKind.FIREWALL, "the system's updates", "disable")
    return EMPTY


# Who writes to these records itself; nobody else speaks in their name.
_RECORDERS = re.compile(
    r"^(?:sshd|sudo|su|login|kernel|cron|crond|CRON|systemd\S*|polkitd|pam\S*|auditd|audit|rsyslogd|"
    r"passwd|useradd|usermod|dhclient|named|firewalld|fail2ban\S*)(?:\[.*\])?$"
)


def _logger(call: Call) -> Value:
    """logger: a line of one's own, one in another's name, or a file that is sent away."""
    tag, priority = call.after("-t", "--tag"), call.after("-p", "--priority")
    if (tag is not None and _RECORDERS.match(tag.text)) or (
        priority is not None and re.match(r"(?:auth|authpriv|kern)\.", priority.text)
    ):
        call.effect(EffectKind.LOG, tag.text if tag is not None else "the log", "forged")
    where = call.after("-f", "--file")
    carried = set(call.stdin.taints) | set(call.taints())
    if where is not None:
        carried |= call.reads(where).taints
    server = call.after("-n", "--server")
    if server is not None:
        from cli_tuner.shell.programs.transfers import sent

        sent(call, server.text, carried)
    return EMPTY


_BACKDATES = ("-d", "-t", "-r", "--date", "--time", "--reference")


def _touch(call: Call) -> Value:
    """touch makes files; with a time of its choice it hides when one was changed."""
    chosen = [option for option in _BACKDATES if (call.after(option)) is not None]
    if not chosen:
        return EMPTY
    values = {call.after(option).text for option in chosen}  # type: ignore[union-attr]
    for where in call.args:
        if where.text.startswith("-") or where.text in values:
            continue
        path = resolved(where.text, call.shell.cwd)
        system = place_of(path) in ("system", "log") and not path.startswith("/var/lib/")
        if system or labels_of(path) & {"keys", "history"}:
            call.effect(EffectKind.LOG, path, "timestamps")
    return EMPTY


HANDLERS: dict[str, Handler] = {
    "logger": _logger,
    "touch": _touch,
    "journalctl": _journalctl,
    "defaults": _defaults,
}
