"""Builtins of the shell that set, read or compute variables, and printf, which can.

A subscript among their arguments is expanded once more (`again`), so that a command can hide in it.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.again import number_of
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.scan import ansi_c, echoed
from cli_tuner.shell.values import (
    ALTERNATIVES_MAX,
    EMPTY,
    HOLE,
    UNKNOWN,
    Value,
    concatenated,
    known,
)
from cli_tuner.shell.variables import assigned

_TARGET = re.compile(r"[A-Za-z_]\w*(?:\[.*\])?", re.A | re.S)
_HISTORY = ("HISTFILE", "HISTSIZE", "HISTFILESIZE")


def _declare(call: Call) -> Value:
    """export and declare, as far as their arguments were not assignments when they were read."""
    for arg in call.args:
        name, equals, text = arg.text.partition("=")
        if equals and name.isidentifier():
            value = Value((text,), arg.value.taints, arg.value.source)
            call.shell.scope.assign(name, value)
            assigned(call.shell, name, value)
    history(call)
    prints = not call.args or [arg.text for arg in call.args] in (["-p"], ["-x"], ["-px"], ["-xp"])
    return Value((HOLE,), frozenset({"sensitive"}), "the environment") if prints else EMPTY


def history(call: Call) -> None:
    """Turning off the history through its variables."""
    variables = call.shell.scope.variables
    for name in _HISTORY:
        if name in variables and variables[name].text in ("/dev/null", "0", ""):
            call.effect(EffectKind.LOG, "the shell's history", "history", "off")


def _unset(call: Call) -> Value:
    for arg in call.args:
        if arg.text in _HISTORY:
            call.effect(EffectKind.LOG, "the shell's history", "history", "off")
        _subscript(call, arg.text)
        call.shell.scope.forget(arg.text)
        if call.has("-f"):
            call.shell.functions.pop(arg.text, None)
    return EMPTY


def _subscript(call: Call, name: str) -> None:
    if name.endswith("]") and "[" in name:
        call.shell.scope.key(name.partition("[")[2][:-1])


def _test(call: Call) -> Value:
    where = call.after("-v")
    if where is not None:
        _subscript(call, where.text)
    return EMPTY


def _let(call: Call) -> Value:
    for arg in call.args:
        name, equals, rest = arg.text.partition("=")
        number = number_of(rest if equals else arg.text, call.shell.scope)
        if equals and name.isidentifier():
            value = Value((HOLE,)) if number is None else known(str(number))
            call.shell.scope.assign(name, value)
    return EMPTY


def _set(call: Call) -> Value:
    """set: options, and then the positional parameters."""
    texts = [arg.text for arg in call.args]
    if not texts:
        return Value((HOLE,), frozenset({"sensitive"}), "all variables")
    if texts[:2] == ["+o", "history"]:
        call.effect(EffectKind.LOG, "the shell's history", "history", "off")
    index = 0
    while index < len(texts) and re.match(r"[-+]\w", texts[index]):
        index += 1 + texts[index].endswith("o")
    if index < len(texts) and texts[index] in ("--", "-"):
        index += 1
    elif index >= len(texts):
        return EMPTY
    call.shell.scope.positional = tuple(arg.value for arg in call.args[index:])
    return EMPTY


def _shift(call: Call) -> Value:
    scope = call.shell.scope
    if scope.positional is not None:
        count = call.args[0].text if call.args else "1"
        scope.positional = scope.positional[int(count) if count.isdigit() else 1 :]
    return EMPTY


_READ_VALUES = frozenset({"-d", "-i", "-n", "-N", "-p", "-t", "-u"})


def _read(call: Call) -> Value:
    """read: what comes in, cut into the names; in a loop, any of its lines."""
    letters = "".join(arg.text[1:] for arg in call.args if arg.text[:1] == "-")
    names, fd = _read_names(call)
    stdin = call.stdin
    if fd in call.shell.descriptors:
        stdin = call.reads(call.shell.descriptors[fd])
    if "s" in letters and names:
        call.shell.scope.assign(names[-1], Value((HOLE,), frozenset({"typed"}), "a password"))
        return EMPTY
    if not stdin.known:
        for name in names:
            one = stdin if len(names) == 1 else Value((HOLE,), stdin.taints)
            call.shell.scope.assign(name, one)
        return EMPTY
    lines = stdin.text.split("\n")
    lines = [line for line in lines if line][:ALTERNATIVES_MAX] if call.shell.scope.looping else (
        lines[:1]
    )  # fmt: skip
    rows = [_cut(call, line) for line in lines or [""]]
    if "a" in letters and names:
        items = {str(i): Value((text,), stdin.taints) for i, text in enumerate(rows[0])}
        call.shell.scope.fill(names[-1], items)
        return EMPTY
    for index, name in enumerate(names or ["REPLY"]):
        end = index + 1 if index < len(names) - 1 else None
        texts = [" ".join(row[index:end]) for row in rows] if len(names) > 1 else lines or [""]
        value = Value(tuple(dict.fromkeys(texts)), stdin.taints, stdin.source)
        call.shell.scope.assign(name, value)
    return EMPTY


def _read_names(call: Call) -> tuple[list[str], str]:
    names: list[str] = []
    fd = waiting = ""
    for arg in call.args:
        if waiting:
            fd = arg.text if waiting == "-u" else fd
            waiting = ""
        elif arg.text[:1] == "-" and len(arg.text) > 1:
            waiting = "-" + arg.text[-1] if "-" + arg.text[-1] in _READ_VALUES else ""
        elif _TARGET.fullmatch(arg.text):
            names.append(arg.text)
    return names, fd


def _cut(call: Call, line: str) -> list[str]:
    blanks = call.shell.scope.lookup("IFS")
    separators = blanks.text if blanks is not None and blanks.known else " \t\n"
    if not separators:
        return [line]
    return [piece for piece in re.split("[" + re.escape(separators) + "]+", line) if piece]


_MAPFILE_VALUES = frozenset({"-d", "-n", "-O", "-s", "-u", "-C", "-c"})


def _mapfile(call: Call) -> Value:
    """mapfile: an array of the lines; -C runs a command for each."""
    callback = call.after("-C")
    if callback is not None:
        call.run_text(callback.value, same_shell=True)
    operands = call.parsed(Facts(values=_MAPFILE_VALUES)).operands
    name = operands[-1].text if operands else "MAPFILE"
    if not call.stdin.known:
        call.shell.scope.fill(name, {"0": call.stdin})
        return EMPTY
    lines = call.stdin.text.rstrip("\n").split("\n")
    taints = call.stdin.taints
    call.shell.scope.fill(name, {str(i): Value((t,), taints) for i, t in enumerate(lines)})
    return EMPTY


def _completion(call: Call) -> Value:
    """compgen, complete and bind: commands that run when a key is pressed, or at once."""
    from cli_tuner.shell.again import expanded_again

    code = call.after("-C")
    if code is not None:
        call.run_text(code.value, stdin=EMPTY)
    words = call.after("-W")
    if words is not None:
        expanded_again(words.value, call.shell.scope)
    bound = call.after("-x") if call.name == "bind" else None
    if bound is not None:
        text = bound.text.rpartition('":')[2] if '":' in bound.text else bound.text
        call.run_text(Value((text.strip().strip('"'),), bound.value.taints), stdin=EMPTY)
    return UNKNOWN if call.name == "compgen" else EMPTY


# --- printf


def _printf(call: Call) -> Value:
    """`printf format args` on constants, else unknown text with the arguments' taints."""
    into = call.args[1].text if call.args and call.args[0].text == "-v" and call.args[1:] else ""
    args = call.args[2:] if into else call.args
    if args and args[0].text == "--":
        args = args[1:]
    if not args:
        return EMPTY
    if all(arg.value.known for arg in args):
        text = _formatted(ansi_c(args[0].text), [arg.text for arg in args[1:]])
        result = Value((text,), call.taints(), args[0].value.source)
    elif args[0].text in ("%s", "%s\n", r"%s\n", "%b", r"%b\n") and len(args) == 2:
        result = args[1].value
    else:
        result = concatenated([item.value for item in args])
    if into:
        call.shell.scope.assign(into, result)
        return EMPTY
    return result


def _formatted(template: str, rest: list[str]) -> str:
    pattern = re.compile(r"%([-+ 0#]*\d*(?:\.\d+)?)([sbdiuxXocq%])")
    out: list[str] = []
    while True:
        used = 0

        def one(match: re.Match[str], rest: list[str] = rest) -> str:
            nonlocal used
            if match.group(2) == "%":
                return "%"
            value = rest[used] if used < len(rest) else ""
            used += 1
            if match.group(2) == "b":
                return echoed(value)
            if match.group(2) == "c":
                return value[:1]
            if match.group(2) in "xXo" and value.isdigit():
                return format(int(value), match.group(2))
            return value

        out.append(pattern.sub(one, template))
        rest = rest[used:]
        if not rest or not used or len(out) > 64:
            return "".join(out)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("export", "declare", "typeset", "local", "readonly"), _declare),
    **dict.fromkeys(("mapfile", "readarray"), _mapfile),
    **dict.fromkeys(("compgen", "complete", "bind"), _completion),
    **dict.fromkeys(("test", "["), _test),
    "let": _let,
    "read": _read,
    "set": _set,
    "shift": _shift,
    "unset": _unset,
    "printf": _printf,
}
