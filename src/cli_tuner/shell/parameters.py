"""Parameter expansion: what `${name op word}` makes of a value, as far as the text decides it.

Covered: defaults, lengths, indirection, slices, trimming, replacing, case, `@P @E @Q @U @u @L`,
and the same for each element of an array. Not covered: `@A`, `@a`, `@K`, locale.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from cli_tuner.shell.scan import ansi_c
from cli_tuner.shell.scope import Scope
from cli_tuner.shell.values import CWD, HOLE, HOME, UNKNOWN, Value, from_environment, known

_SLICE = re.compile(r"\s*(-?\d+)\s*(?::\s*(-?\d+)\s*)?")
_DEFAULTS = frozenset({"-", ":-", "=", ":=", "+", ":+", "?", ":?"})


def listed(name: str, op: str, word: Value | None, scope: Scope) -> list[Value] | None:
    """The values that `$@` or `${name[@]}` stands for, one by one; None for anything else."""
    if name not in ("@", "*") and not name.endswith(("[@]", "[*]")):
        return None
    if op == "!":
        keys = scope.keys(name)
        return None if keys is None else list(keys)
    elements = scope.elements(name)
    if elements is None or op in _DEFAULTS or (op == "#" and word is None):
        return None
    if op == "":
        return list(elements)
    if op == ":" and word is not None:
        return _part_of(list(elements), word.text, positional=name in ("@", "*"))
    if word is None or not word.known:
        return None
    return [_changed(value, op, word.text, scope) for value in elements]


def _part_of(values: list[Value], word: str, *, positional: bool) -> list[Value] | None:
    match = _SLICE.fullmatch(word)
    if match is None:
        return None
    start = int(match[1]) - (positional and int(match[1]) > 0)
    if start < 0:
        start = max(0, len(values) + start)
    return values[start:] if match[2] is None else values[start : start + max(0, int(match[2]))]


def parameter(name: str, op: str, word: Value | None, scope: Scope) -> Value:
    """`${name}` or `${name op word}` as one value."""
    value = scope.lookup(name)
    if op == "":
        return value if value is not None else from_environment(name)
    if op == "!":
        pointed = scope.lookup(value.text) if value is not None and value.known else None
        return pointed if pointed is not None else UNKNOWN
    if op == "#" and word is None:  # a length; with a word it cuts a prefix
        return _length(name, value, scope)
    if op == "names" or op.startswith("!"):
        return UNKNOWN
    word = word if word is not None else known("")
    if op in ("-", ":-", "=", ":="):
        return _default(name, op, value, word, scope)
    if op in ("+", ":+"):
        return word if value is not None else word.joined(known(""))
    if op in ("?", ":?"):
        return value if value is not None else Value((HOLE,), UNKNOWN.taints, f"${name}")
    if value is None or not word.known:
        return UNKNOWN if value is None else Value((HOLE,), value.taints, value.source)
    return _changed(value, op, word.text, scope)


def _length(name: str, value: Value | None, scope: Scope) -> Value:
    if name in ("@", "*") or name.endswith(("[@]", "[*]")):
        elements = scope.elements(name)
        return known(str(len(elements))) if elements is not None else Value((HOLE,))
    return known(str(len(value.text))) if value is not None and value.known else Value((HOLE,))


def _changed(value: Value, op: str, word: str, scope: Scope) -> Value:
    if op == "@" and word == "P":
        from cli_tuner.shell.again import expanded_again

        # A prompt: what is in the value is expanded once more, commands included.
        return expanded_again(value, scope)
    changed = tuple(_operated(_concrete(text), op, word) for text in value.texts)
    return Value(changed, value.taints, value.source)


def _default(name: str, op: str, value: Value | None, word: Value, scope: Scope) -> Value:
    if value is not None and (value.texts != ("",) or ":" not in op):
        return value
    # Unset in this text: the environment may have it, but the default is what is written.
    if "=" in op:
        scope.assign(name, word)
    return word


def _concrete(text: str) -> str:
    """Text with the home folder spelled out, so that its first character can be taken."""
    return text.replace(HOME, "/home/user").replace(CWD, "/home/user/project")


def _operated(text: str, op: str, word: str) -> str:
    if op == ":":
        return _sliced(text, word)
    if HOLE in text:
        return HOLE
    if op in ("^", "^^", ",", ",,"):
        change = str.upper if op[0] == "^" else str.lower
        return change(text) if len(op) == 2 else change(text[:1]) + text[1:]
    if op == "@":
        return _transformed(text, word)
    if op in ("#", "##"):
        return _trimmed(text, word, longest=op == "##", front=True)
    if op in ("%", "%%"):
        return _trimmed(text, word, longest=op == "%%", front=False)
    if op in ("/", "//"):
        return _replaced(text, word, every=op == "//")
    return text


def _transformed(text: str, letter: str) -> str:
    changes: dict[str, Callable[[str], str]] = {
        "E": ansi_c, "U": str.upper, "L": str.lower, "Q": lambda same: same,
    }  # fmt: skip
    if letter == "u":
        return text[:1].upper() + text[1:]
    change = changes.get(letter)
    return change(text) if change is not None else HOLE


def _replaced(text: str, word: str, *, every: bool) -> str:
    pattern, _, replacement = word.partition("/")
    if not pattern:
        return text
    try:
        regex = re.compile(fnmatch.translate(pattern).removesuffix(r"\Z").removesuffix(")\\Z"))
    except re.error:
        regex = re.compile(re.escape(pattern))
    return regex.sub(lambda _: replacement, text, count=0 if every else 1)


def _sliced(text: str, word: str) -> str:
    match = _SLICE.fullmatch(word)
    if not match:
        return HOLE
    start, length = int(match.group(1)), match.group(2)
    end = len(text) if length is None else (int(length) if int(length) < 0 else start + int(length))
    if start < 0:
        start = max(0, len(text) + start)
        end = len(text) if length is None else start + int(length)
    piece = text[start:end]
    return HOLE if HOLE in text[: max(end, 0)] else piece


def _trimmed(text: str, pattern: str, *, longest: bool, front: bool) -> str:
    cuts = range(len(text) + 1)
    order = cuts if front is not longest else reversed(cuts)
    for cut in order:
        piece = text[:cut] if front else text[cut:]
        if fnmatch.fnmatchcase(piece, pattern):
            return text[cut:] if front else text[:cut]
    return text
