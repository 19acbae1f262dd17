"""Small servers of files: a folder given to whoever asks.

    npx serve ~/.ssh     busybox httpd -h /etc     caddy file-server --root ~     miniserve /

A project's folder is shown to try it out; a folder of the system or with keys is not. Not covered:
servers whose configuration names the folder.
"""

from __future__ import annotations

from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.programs.interpreters import served
from cli_tuner.shell.values import UNKNOWN, Value

_PORTS = "-p --port -l --listen -a --address --host --bind -b -i --interfaces -c --config -u -t"
# Program -> the option that names the folder; without one it is the first operand.
_FOLDER: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        "serve http-server live-server darkhttpd miniserve simple-http-server dufs sirv servor "
        "static-server goexec ran".split(),
        (),
    ),
    "webfsd": ("-r",),
    "thttpd": ("-d",),
    "updog": ("-d", "--directory"),
    "goshs": ("-d", "--dir"),
    "filebrowser": ("-r", "--root"),
    "caddy": ("--root", "-root"),
    "twistd": ("--path",),
    "httpd": ("-h",),
}
# Servers that serve files only by one of their words.
_BY_WORD = {"caddy": "file-server", "twistd": "web"}


def _serves(call: Call) -> Value:
    if call.has("--help", "--version") or (call.name == "httpd" and call.after("-h") is None):
        return _otherwise(call)
    word = _BY_WORD.get(call.name)
    if word is not None and not call.has(word):
        return _otherwise(call)
    options = _FOLDER[call.name]
    if options:
        where = call.after(*options)
    else:
        operands = call.parsed(Facts(values=frozenset(_PORTS.split()))).operands
        where = operands[0] if operands else None
    served(call, where.text if where is not None else ".")
    return UNKNOWN


def _otherwise(call: Call) -> Value:
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    # Apache's own program shares its name with the small server of busybox.
    facts = facts_of("apachectl" if call.name == "httpd" else call.name)
    return apply_facts(call, facts) if facts else UNKNOWN


HANDLERS: dict[str, Handler] = dict.fromkeys(_FOLDER, _serves)
