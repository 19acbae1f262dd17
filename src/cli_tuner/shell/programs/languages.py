"""Languages whose text is not like others': Tcl, m4, dc, PowerShell.

Covered: commands that Tcl and expect start or that delete, empty and move files; `syscmd` of m4;
`!` of dc and gnuplot; PowerShell's own names for deleting. Not covered: variables.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import facts_of
from cli_tuner.shell.values import EMPTY, HOME, STAR, UNKNOWN, Value, known
from cli_tuner.shell.words import Field

_TCL_RUNS = re.compile(
    r"(?:^|[\n;\[{])\s*(?:exec|spawn)\s+(?:-(?:noecho|ignorestderr|--)\s+)*([^;\n\]]+)"
)
_TCL_FILE = re.compile(
    r"(?:^|[\n;\[{])\s*file\s+(delete|rename|copy)\s+((?:-(?:force|-)\s+)*)([^;\n\]]+)"
)
_TCL_OPEN = re.compile(
    r"(?:^|[\n;\[{])\s*open\s+(?:\"\s*\|\s*([^\"]+)\"|\{\s*\|\s*([^}]+)\}|(\S+)\s+[\"{]?([wa+r]+))"
)
_TCL_SYSTEM = re.compile(r"(?:^|[\n;\[{])\s*system\s+[\"{]?([^;\n\]}\"]+)")
_SOCKET = re.compile(r"\bsocket\b")


def tcl(call: Call, code: str) -> None:
    """Emit what a Tcl or expect script does."""
    for pattern in (_TCL_RUNS, _TCL_SYSTEM):
        for match in pattern.finditer(code):
            call.run_text(known(match[1].strip()), stdin=EMPTY)
    for match in _TCL_FILE.finditer(code):
        act, paths = match[1], [_field(call, path) for path in match[3].split()]
        if act == "delete":
            for where in paths:
                call.on_path(EffectKind.DELETE, where, "recursive")
        elif len(paths) > 1:
            if act == "rename":
                call.on_path(EffectKind.MOVE, paths[0])
            call.writes(paths[-1], call.reads(paths[0]))
    for match in _TCL_OPEN.finditer(code):
        if command := match[1] or match[2]:
            call.run_text(known(command), stdin=EMPTY)
        elif match[3] and {"w", "a", "+"} & set(match[4]):
            emptied = "truncate" if "w" in match[4] else "append"
            call.writes(_field(call, match[3]), UNKNOWN, emptied)
    if _SOCKET.search(code) and re.search(r"\b(?:exec|eval|open\s+\S*\|)", code):
        call.effect(EffectKind.REMOTE_SHELL, "a socket", "reverse")


def _field(call: Call, path: str) -> Field:
    path = path.strip("\"{}'")
    text = HOME + path[1:] if path[:1] == "~" else path.replace("$env(HOME)", HOME)
    return Field(Value((text.replace("*", STAR),)), call.shell.span, path)


_M4_RUNS = re.compile(r"\be?syscmd\(\s*`*([^')]*)")
_M4_VALUES = frozenset({"-I", "-U", "-B", "-S", "-L", "-l", "-d"})


def _m4(call: Call) -> Value:
    """m4: syscmd and esyscmd in what it reads or is told to define."""
    from cli_tuner.shell.facts import Facts

    parsed = call.parsed(Facts(values=_M4_VALUES, options={"-D": "skip", "--define": "skip"}))
    sources = [call.stdin if f.text == "-" else call.reads(f) for f in parsed.operands]
    given = sources or [call.stdin]
    hidden = frozenset().union(*(value.taints for value in given)) & {"downloaded", "decoded"}
    if hidden:
        call.effect(EffectKind.EXECUTE, given[0].source or None, *sorted(hidden))
    texts = [text for value in given for text in value.texts]
    for text in [*texts, *(value.text for _, value in parsed.arguments)]:
        for match in _M4_RUNS.finditer(text):
            call.run_text(known(match[1]), stdin=EMPTY)
    return UNKNOWN


_BANG_LINE = re.compile(r"(?:^|[\n;])\s*!(?![<>=])\s*(\S[^\n;]*)")


def _dc(call: Call) -> Value:
    """dc: a line that starts with ! is a command."""
    given = call.after("-e", "--expression")
    for text in (call.stdin.text, given.text if given is not None else ""):
        banged(call, text)
    return UNKNOWN


def banged(call: Call, text: str) -> None:
    """Run what stands behind a ! at the start of a line."""
    for match in _BANG_LINE.finditer(text):
        call.run_text(known(match[1]), stdin=EMPTY)


_CMDLET = re.compile(
    r"\b(?:(?P<delete>Remove-Item|ri|del|erase|rd)|(?P<empty>Clear-Content|clc|Clear-Item)|"
    r"(?P<disk>Clear-Disk|Format-Volume|Initialize-Disk))\s+(?P<rest>[^;|\n}]*)",
    re.I,
)


def powershell(call: Call, code: str) -> None:
    """PowerShell's own commands; others are programs, as in a shell."""
    for match in _CMDLET.finditer(code):
        words = [word.strip("\"'") for word in match["rest"].split()]
        paths = [word for word in words if word[:1] not in ("-", "$") and word]
        if match["disk"]:
            call.effect(EffectKind.DEVICE, "a disk", "volume", "erase")
        for path in paths:
            if match["delete"]:
                call.on_path(EffectKind.DELETE, _field(call, path), "recursive")
            elif match["empty"]:
                call.writes(_field(call, path), EMPTY, "truncate")
    first = next(iter(code.split(maxsplit=1)), "")
    if first.islower() and facts_of(first) is not None:
        call.run_text(known(code), stdin=EMPTY)


_DOS = re.compile(
    r"(?:^|[&|(\n])\s*(?:(?P<delete>rd|rmdir|del|erase)|(?P<disk>format|diskpart|clean))\s+(?P<rest>[^&|\n]*)",
    re.I,
)
_DRIVE = re.compile(
    r"^\"?(?:[a-z]:\\?\*?|[a-z]:\\(?:windows|users|program files)\b.*|%systemdrive%.*)$", re.I
)


def _dos(call: Call) -> Value:
    """cmd.exe: a text after /c; what empties a drive, a system's folder or all homes counts."""
    texts = [arg.text for arg in call.args]
    start = next((i for i, text in enumerate(texts) if text.lower() in ("/c", "/k")), None)
    if start is None:
        return UNKNOWN
    for match in _DOS.finditer(" ".join(texts[start + 1 :])):
        words = [word for word in match["rest"].split() if word[:1] != "/"]
        if match["disk"] and any(re.match(r"[a-z]:$", word, re.I) for word in words):
            call.effect(EffectKind.DEVICE, words[0], "volume", "erase")
        elif match["delete"] and any(_DRIVE.match(word) for word in words):
            call.effect(EffectKind.DELETE, words[0], "recursive", "at:system-top")
    return UNKNOWN


HANDLERS: dict[str, Handler] = {"cmd": _dos, "m4": _m4, "gm4": _m4, "dc": _dc}
