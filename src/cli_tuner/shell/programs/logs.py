"""The journal and what keeps records: how much a vacuum leaves; hooks in macOS' defaults."""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
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
    return Value((HOLE,), frozenset({"file"}), "the journal")


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


HANDLERS: dict[str, Handler] = {"journalctl": _journalctl, "defaults": _defaults}
