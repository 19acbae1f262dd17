"""xargs and parallel: another program's arguments, made from what is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.scan import ansi_c
from cli_tuner.shell.values import EMPTY, UNKNOWN, Value, embedded_texts, known
from cli_tuner.shell.words import Field
from cli_tuner.shell.wrappers import _skip_options, _spaced, _wrapper

_XARGS = _wrapper(
    "-I -n -P -d -L -s -a -E -R -S -J --replace --max-args --max-procs --delimiter --arg-file "
    "--max-lines --max-chars"
)


def _xargs(call: Call) -> Value:
    """`xargs [options] command`: what comes in becomes arguments, or replaces `{}`."""
    rest, options = _skip_options(call.args, _XARGS)
    mark = options.get("-I") or options.get("--replace") or ("{}" if "-i" in options else "")
    incoming = call.stdin
    listed = options.get("-a") or options.get("--arg-file")
    if listed:
        incoming = call.reads(Field(known(listed), call.shell.span, listed))
    added = _incoming_fields(call, incoming, _delimiter(options, mark))
    at_once = options.get("-P") or options.get("--max-procs")
    if (at_once and "endless" in incoming.taints) or (
        at_once == "0" and "numerous" in incoming.taints
    ):
        call.effect(EffectKind.RESOURCE, "xargs", "overload")
    if not rest:
        return incoming
    if mark:
        return call.run([_replaced(item, mark, added) for item in rest], stdin=EMPTY)
    return call.run([*rest, *added], stdin=EMPTY)


def _delimiter(options: Mapping[str, str], mark: str) -> str:
    """What cuts the input: \0 for -0, the one of -d, a line end with -I, blanks for "" ."""
    if "-0" in options or "--null" in options:
        return "\0"
    given = options.get("-d") or options.get("--delimiter") or ""
    return ansi_c(given)[:1] or ("\n" if mark else "")


def _incoming_fields(call: Call, incoming: Value, delimiter: str = "") -> list[Field]:
    if not incoming.known:
        return [Field(incoming, call.shell.span, incoming.source or "what it reads")]
    words = incoming.text.split(delimiter or None)[:200]
    if delimiter in ("", "\n"):
        # Without -0 and -d, quotes and backslashes are removed as the shell does.
        words = [re.sub(r"""\\(.)|["']""", r"\1", word).strip() for word in words]
    words = [word.strip("\n") for word in words if word.strip("\n")]
    return [Field(replace(incoming, texts=(word,)), call.shell.span, word) for word in words]


def _replaced(item: Field, mark: str, added: list[Field]) -> Field:
    if mark not in item.text:
        return item
    if item.text == mark and len(added) == 1:
        return replace(added[0], span=item.span)
    texts = tuple(
        item.text.replace(mark, text) for add in added for text in embedded_texts(add.value)
    )
    taints = item.value.taints.union(*(add.value.taints for add in added))
    raw = item.raw if not added else added[0].raw
    return Field(Value(texts[:12] or ("",), taints, raw), item.span, raw)


_PARALLEL = _wrapper("-j -a -I -S -N -n --jobs --arg-file --sshlogin --colsep --results --timeout")


def _parallel(call: Call) -> Value:
    """GNU parallel: the command is a text; arguments come after `:::` or from standard input."""
    texts = [arg.text for arg in call.args]
    cut = next((i for i, text in enumerate(texts) if text.startswith(":::")), len(texts))
    rest, options = _skip_options(call.args[:cut], _PARALLEL)
    listed = options.get("-a") or options.get("--arg-file")
    if listed:
        call.stdin = call.reads(Field(known(listed), call.shell.span, listed))
    jobs = options.get("-j") or options.get("--jobs")
    if jobs == "0" and "numerous" in call.stdin.taints | call.taints():
        call.effect(EffectKind.RESOURCE, "parallel", "overload")
    inputs = call.args[cut + 1 :] or _incoming_fields(call, call.stdin)
    if not rest:
        for code in [item.value for item in call.args[cut + 1 :]] or [call.stdin]:
            call.run_text(code, stdin=EMPTY)
        return UNKNOWN
    if " " not in rest[0].text:
        if not any("{" in item.text for item in rest):
            rest = [*rest, *inputs[:20]]
        return call.run([_replaced(item, "{}", inputs) for item in rest], stdin=EMPTY)
    return call.run_text(_spaced([_replaced(item, "{}", inputs) for item in rest]))


HANDLERS: dict[str, Handler] = {"xargs": _xargs, "parallel": _parallel}
