"""Package tools of languages, terminals and displays: what they start, install for all, or show.

Covered: texts given to `npx -c` and `npm exec -c`; installing for the whole machine as root;
`xterm -e`; a terminal shown on somebody else's display; zsh's own sockets.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.values import EMPTY, HOLE, UNKNOWN, Value

_INSTALLS = frozenset("install i add uninstall remove rm update upgrade global link ci".split())
_REMOVES = frozenset({"uninstall", "remove", "rm", "un", "unlink", "r"})
_UNSAFE_SOURCE = re.compile(
    r"(?:git\+)?(?:http|git|ftp)://(?!localhost|127\.)|\S*://(?:\d+\.){3}\d"
)
_PACKAGE_ADDRESS = re.compile(r"(?:git\+)?(?:https?|git|ftp)://(?!localhost|127\.)")
_HARMLESS = frozenset({"--help", "-h", "--version", "--dry-run"})


def _language_packages(call: Call) -> Value:
    words = [arg.text for arg in call.args]
    if call.has(*_HARMLESS):
        return UNKNOWN
    if words[:1] in (["list"], ["ls"], ["freeze"]):
        return Value((HOLE,), frozenset({"everything", "many"}), f"all {call.name} packages")
    if words[:2] == ["config", "set"] and len(words) > 2:
        _configured(call, " ".join(words[2:]))
    if any("everything" in arg.value.taints for arg in call.args) and _REMOVES & set(words):
        kinds = ("remove", "all") if call.shell.as_root else ("remove",)
        call.effect(EffectKind.PACKAGE, f"all {call.name} packages", *kinds)
    if call.name in ("npx", "bunx") or words[:1] in (["exec"], ["x"]):
        code = call.after("-c", "--call", "--shell-mode")
        if code is not None:
            return call.run_text(code.value)
    starts = call.name in ("npx", "bunx") or words[:1] in (["exec"], ["x"], ["dlx"])
    if starts and (address := next(filter(_PACKAGE_ADDRESS.match, words), None)):
        call.effect(EffectKind.EXECUTE, address, "downloaded")
    if _INSTALLS & set(words[:2]) and (where := next(filter(_UNSAFE_SOURCE.match, words), None)):
        # Its setup runs at once, and on the way anybody can change it.
        call.effect(EffectKind.EXECUTE, where, "downloaded")
    if call.shell.as_root and _INSTALLS & set(words[:2]):
        call.effect(EffectKind.PACKAGE, f"{call.name} packages", "install")
    return UNKNOWN


_RUNS = re.compile(
    r"\b(?:script-shell|shell|node-options|git|editor|onload-script)[ =](?P<what>\S+)"
)
_INDEX = re.compile(
    r"\b(?:\S*index-url|registry|\S*find-links|trusted-host|proxy|https-proxy)[ =](?:\S*http://"
    r"(?!localhost|127\.)|\S*//\d+\.\d+)|strict-ssl[ =]false|trusted-host[ =]['\"]?\*"
)


def _configured(call: Call, setting: str) -> None:
    """What installs run with, and where they get packages from."""
    if (match := _RUNS.search(setting)) and "/" in match["what"]:
        call.effect(EffectKind.PERSIST, setting, "suspect")
    elif _INDEX.search(setting):
        call.effect(EffectKind.FIREWALL, "where packages come from", "network")


def _conda(call: Call) -> Value:
    """conda: what is removed from the base environment takes conda with it."""
    words = [arg.text for arg in call.args if not arg.text.startswith("-")]
    removes = words[:1] in (["remove"], ["uninstall"]) or words[:2] == ["env", "remove"]
    if not removes or call.has(*_HARMLESS):
        return UNKNOWN
    name = call.after("-n", "--name")
    base = name is not None and name.text in ("base", "root")
    kinds = ("remove", "base") if base else ("remove",)
    if base or call.has("--all") or words[:1] == ["env"]:
        call.effect(EffectKind.PACKAGE, name.text if name is not None else words[-1], *kinds)
    return EMPTY


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
    **dict.fromkeys(("conda", "mamba", "micromamba"), _conda),
    "ztcp": _ztcp,
}
