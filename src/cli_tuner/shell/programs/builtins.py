"""Builtins of the shell that change what later commands mean."""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.paths import resolved
from cli_tuner.shell.values import EMPTY, HOLE, HOME, UNKNOWN, Value, concatenated, known


def _cd(call: Call) -> Value:
    operands = [arg for arg in call.args if not arg.text.startswith("-") or arg.text == "-"]
    target = operands[0].text if operands else HOME
    where = HOLE if target == "-" else resolved(target, call.shell.cwd)
    call.shell.cwd = where if not where.startswith(HOLE) else HOLE
    return EMPTY


def _eval(call: Call) -> Value:
    values: list[Value] = []
    for index, arg in enumerate(call.args):
        values += [known(" "), arg.value] if index else [arg.value]
    return call.run_text(concatenated(values), same_shell=True) if values else EMPTY


def _source(call: Call) -> Value:
    if not call.args:
        return EMPTY
    where = call.args[0]
    if where.text in ("/dev/stdin", "-"):
        return call.run_text(call.stdin, same_shell=True)
    path = resolved(where.text, call.shell.cwd)
    if path in call.shell.files:
        return call.run_text(call.shell.files[path], same_shell=True)
    if where.text.strip() == HOLE and "unknown" in where.value.taints:
        call.effect(EffectKind.OPAQUE, where.value.source or where.raw, "script")
        return EMPTY
    call.on_path(EffectKind.EXECUTE, where, "source")
    return EMPTY


# Programs at which people type passwords.
_ASKED = frozenset({"sudo", "su", "ssh", "doas", "passwd", "login", "gpg", "kinit", "pkexec"})


def _alias(call: Call) -> Value:
    for arg in call.args:
        name, equals, body = arg.text.partition("=")
        if call.has("-g") and equals:
            body = f": {body}"  # zsh puts it anywhere in a command
        if equals and name:
            call.shell.aliases[name] = Value((body,), arg.value.taints, arg.value.source)
            if name in _ASKED and re.search(r"\bread\b.*(?:>|\||curl|nc\b)", body, re.S):
                call.effect(EffectKind.SECRET, f"what is typed at {name}", "kept")
    return EMPTY


def _echo(call: Call) -> Value:
    from cli_tuner.shell.scan import echoed

    args, escapes, newline = list(call.args), False, "\n"
    while args and args[0].text in ("-n", "-e", "-E", "-ne", "-en"):
        escapes = escapes or "e" in args[0].text
        newline = "" if "n" in args[0].text else newline
        args = args[1:]
    values: list[Value] = []
    for index, arg in enumerate(args):
        value = arg.value
        if escapes:
            value = Value(tuple(echoed(text) for text in value.texts), value.taints, value.source)
        values += [known(" "), value] if index else [value]
    return concatenated([*values, known(newline)])


def _trap(call: Call) -> Value:
    if call.args and call.args[0].text not in ("-", "-l", "-p", ""):
        # It runs at the end, with the values that variables have then.
        call.shell.traps.append(call.args[0].raw)
    return EMPTY


def _nothing(call: Call) -> Value:
    return EMPTY


def _hash(call: Call) -> Value:
    """`hash -p path name`: the name now runs that file."""
    if call.args[:1] and call.args[0].text == "-p" and len(call.args) > 2:
        call.shell.aliases[call.args[2].text] = call.args[1].value
    return EMPTY


def _history(call: Call) -> Value:
    if call.has("-c", "-cw") or call.has("-d"):
        attributes = ("history", "clear") if call.has("-c", "-cw") else ("history", "entry")
        call.effect(EffectKind.LOG, "the shell's history", *attributes)
        return EMPTY
    return Value((HOLE,), frozenset({"sensitive"}), "the shell's history")


def _which(call: Call) -> Value:
    """`which x` prints a path of x; for us its name is enough."""
    names = [arg for arg in call.args if not arg.text.startswith("-")]
    return known("/usr/bin/" + names[0].text + "\n") if names and names[0].value.known else UNKNOWN


def _mktemp(call: Call) -> Value:
    return known("/tmp/tmp.XXXXXXXXXX\n")  # noqa: S108  what mktemp prints


def _pwd(call: Call) -> Value:
    from cli_tuner.shell.values import CWD

    return known(CWD + "\n")


def _umask(call: Call) -> Value:
    return EMPTY


def _ulimit(call: Call) -> Value:
    return EMPTY


def _enable(call: Call) -> Value:
    if call.after("-f") is not None:
        call.effect(EffectKind.EXECUTE, call.args[1].text, "library")
    return EMPTY


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("cd", "pushd", "chdir"), _cd),
    **dict.fromkeys(("source", "."), _source),
    **dict.fromkeys(("which", "type", "whereis"), _which),
    **dict.fromkeys(
        "true false : return exit popd dirs wait jobs bg fg getopts break continue shopt disown "
        "sleep caller help times".split(),
        _nothing,
    ),
    "hash": _hash,
    "eval": _eval,
    "alias": _alias,
    "echo": _echo,
    "trap": _trap,
    "history": _history,
    "mktemp": _mktemp,
    "pwd": _pwd,
    "umask": _umask,
    "ulimit": _ulimit,
    "enable": _enable,
}
