"""Package tools of languages, terminals and displays: what they start, install for all, or show.

Covered: texts given to `npx -c` and `npm exec -c`; installing for the whole machine as root;
`xterm -e`; a terminal shown on somebody else's display; zsh's own sockets.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.values import EMPTY, UNKNOWN, Value

_INSTALLS = frozenset("install i add uninstall remove rm update upgrade global link ci".split())
_HARMLESS = frozenset({"--help", "-h", "--version", "--dry-run"})


def _language_packages(call: Call) -> Value:
    words = [arg.text for arg in call.args]
    if call.has(*_HARMLESS):
        return UNKNOWN
    if call.name in ("npx", "bunx") or words[:1] in (["exec"], ["x"]):
        code = call.after("-c", "--call", "--shell-mode")
        if code is not None:
            return call.run_text(code.value)
    if call.shell.as_root and _INSTALLS & set(words[:2]):
        call.effect(EffectKind.PACKAGE, f"{call.name} packages", "install")
    return UNKNOWN


_OTHERS_DISPLAY = re.compile(r"^(?!localhost|127\.|unix)[\w.-]+:\d")


def _terminal(call: Call) -> Value:
    display = call.after("-display", "--display")
    if display is not None and _OTHERS_DISPLAY.match(display.text):
        call.effect(EffectKind.REMOTE_SHELL, display.text, "reverse")
        return EMPTY
    texts = [arg.text for arg in call.args]
    for option in ("-e", "-x", "--"):
        if option in texts[:-1]:
            rest = call.args[texts.index(option) + 1 :]
            return call.run_text(rest[0].value) if len(rest) == 1 else call.run(rest)
    return EMPTY


def _ztcp(call: Call) -> Value:
    """zsh's socket builtin leaves a descriptor in REPLY; what is joined to it is the network."""
    if call.args and not call.args[0].text.startswith("-"):
        socket = Value(("/dev/tcp/socket",), frozenset({"network"}), "a socket")
        call.shell.scope.variables["REPLY"] = socket
    return EMPTY


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys("npx npm pip pip3 gem yarn pnpm bunx".split(), _language_packages),
    **dict.fromkeys(
        "xterm uxterm rxvt urxvt konsole gnome-terminal xfce4-terminal lxterminal alacritty kitty "
        "terminator tilix st x-terminal-emulator eterm aterm".split(),
        _terminal,
    ),
    "ztcp": _ztcp,
}
