"""Programs that start another one for whoever connects: super-servers, sockets, SSH by hand.

Covered: tcpserver, tcpsvd, systemd-socket-activate, websocat and inetd with a shell behind them,
telnetd that logs nobody in, and an SSH server started on another port or without its locks.
Not covered: what a server of its own kind lets clients do.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.machine import SHELLS
from cli_tuner.shell.programs.network import open_connection
from cli_tuner.shell.values import EMPTY, UNKNOWN, Value, known

_VALUES = frozenset(
    "-l --listen -E --setenv --fdname -c -u -g -x -b -h -i -t -C -p -U -R -L --user".split()
)


def _serves(call: Call) -> Value:
    """tcpserver HOST PORT command, systemd-socket-activate -l ADDRESS command."""
    values = _VALUES - ({"-E"} if call.name != "systemd-socket-activate" else set())
    operands = call.parsed(Facts(values=values)).operands
    texts = [operand.text.rpartition("/")[2] for operand in operands]
    start = next((i for i, text in enumerate(texts) if text in SHELLS), None)
    if start is not None:
        call.effect(EffectKind.REMOTE_SHELL, texts[start], "bind")
    elif call.name == "systemd-socket-activate" and operands:
        return call.run(operands)
    elif len(operands) > 2:
        start = next(i for i, arg in enumerate(call.args) if arg is operands[2])
        return call.run(call.args[start:])
    return EMPTY


_INETD_SHELL = re.compile(
    r"^[^#\n]*\b(?:stream|dgram)\s+\S+\s+\S+\s+\S+\s+(?:/\S*/)?(?:ba|da|z|k|a)?sh\b|"
    r"^\s*(?:server|exec)\s*=\s*(?:/\S*/)?(?:ba|da|z|k|a)?sh\b",
    re.M,
)


def _inetd(call: Call) -> Value:
    """inetd, xinetd and stunnel start what their configuration names."""
    operands = [arg for arg in call.args if not arg.text.startswith("-")]
    texts = [call.stdin.text, *(call.reads(operand).text for operand in operands)]
    if any(_INETD_SHELL.search(text) for text in texts):
        call.effect(EffectKind.REMOTE_SHELL, "a shell", "bind")
    return EMPTY


def _telnetd(call: Call) -> Value:
    program = call.after("-l", "-L")
    if program is not None and program.text.rpartition("/")[2] in SHELLS:
        call.effect(EffectKind.REMOTE_SHELL, program.text, "bind")
    return EMPTY


_SOCKET_PROGRAM = re.compile(r"(?:^|:)(?:exec|cmd|sh-c|mirror-exec):")


def _websocat(call: Call) -> Value:
    """websocat and wscat join a web socket to a program, or to standard input and output."""
    texts = [arg.text for arg in call.args]
    if any(_SOCKET_PROGRAM.search(text) for text in texts):
        listens = any(re.match(r"(?:ws|tcp|wss)-l(?:isten)?:|-s$", text) for text in texts)
        call.effect(EffectKind.REMOTE_SHELL, "a web socket", "bind" if listens else "reverse")
        return EMPTY
    address = next((text for text in texts if re.match(r"wss?://|tcp:|ws-c:", text)), None)
    if address is None:
        return UNKNOWN
    host = re.sub(r"^\w+://", "", address)
    return open_connection(call, host)


_UNLOCKED = re.compile(
    r"PermitRootLogin\s*=?\s*yes|PermitEmptyPasswords\s*=?\s*yes|AuthorizedKeysFile\s*=?\s*/(?:tmp|dev)|"
    r"UsePAM\s*=?\s*no|StrictModes\s*=?\s*no",
    re.I,
)


def _sshd(call: Call) -> Value:
    """An SSH server that is started by hand on its own port, or with its locks off."""
    port = call.after("-p")
    text = " ".join(arg.text for arg in call.args)
    moved = port is not None and not re.fullmatch(r"(?:\S*:)?22", port.text)
    unlocked = _UNLOCKED.search(text) or re.search(r"\bPort\s*=", text)
    if not call.has("-t", "-T", "--help", "-V") and (moved or unlocked):
        call.effect(EffectKind.REMOTE_SHELL, "an SSH server", "bind")
    return EMPTY


def _newgrp(call: Call) -> Value:
    """newgrp and sg: a shell with another group; it runs what it is given."""
    code = call.after("-c")
    if code is not None:
        return call.run_text(code.value)
    words = [arg for arg in call.args if not arg.text.startswith("-")]
    if call.name == "sg" and len(words) > 1:
        return call.run_text(words[1].value)
    return call.run_text(call.stdin, stdin=EMPTY) if call.stdin != known("") else EMPTY


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("tcpserver", "tcpsvd", "udpsvd", "systemd-socket-activate"), _serves),
    **dict.fromkeys(("inetd", "xinetd", "openbsd-inetd", "stunnel", "stunnel4"), _inetd),
    **dict.fromkeys(("telnetd", "in.telnetd", "utelnetd"), _telnetd),
    **dict.fromkeys(("websocat", "wscat"), _websocat),
    **dict.fromkeys(("sshd", "dropbear"), _sshd),
    **dict.fromkeys(("newgrp", "sg"), _newgrp),
}
