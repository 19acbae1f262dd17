"""find: where it looks, whether it narrows, and what it does with what it finds."""

from __future__ import annotations

import re
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.values import (
    EMPTY,
    HOLE,
    STAR,
    UNKNOWN,
    Value,
    embedded_texts,
    known,
)
from cli_tuner.shell.words import Field

_NARROWING = frozenset(
    "-name -iname -path -ipath -wholename -regex -iregex -mtime -mmin -atime -amin -ctime -cmin "
    "-newer -size -empty -user -uid -group -nouser -nogroup -perm -inum -samefile -lname -used "
    "-links -fstype -xtype -executable".split()
)
_FIND_ACTIONS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
_JUNK = re.compile(
    r"(?:\*?\.(?:pyc|pyo|tmp|temp|swp|swo|bak|orig|log|o|class|cache|DS_Store|rej|old)|\*~|#\*#|"
    r"\.DS_Store|Thumbs\.db|core(?:\.\*)?|\*?\.log\.\d*|__pycache__|node_modules|\*\.gz)$"
)


def _find(call: Call) -> Value:
    """find: where it looks, whether it narrows, and what it does with what it finds."""
    starts, tests = _find_parts(call.args)
    narrowed, junk = _narrowed(tests)
    extra = (("filtered",) if narrowed else ()) + (("junk",) if junk else ())
    hunted = _hunts(tests, starts, call)
    found = [_found(start, narrowed, (*extra, *hunted)) for start in starts]
    if call.has("-delete"):
        for start in starts:
            call.on_path(EffectKind.DELETE, start, "recursive", *extra)
    _find_commands(call, tests, found)
    for option in ("-fprint", "-fprintf", "-fls", "-fprint0"):
        where = call.after(option)
        if where is not None:
            call.writes(where, UNKNOWN)
    texts = tuple(dict.fromkeys(t for item in found for t in item.value.texts))
    taints = frozenset({"many", *extra}) | (frozenset({"sensitive"}) if hunted else frozenset())
    return Value(texts[:12] or (HOLE,), taints, "what find finds")


def _find_parts(args: list[Field]) -> tuple[list[Field], list[Field]]:
    starts: list[Field] = []
    for index, arg in enumerate(args):
        if arg.text in ("-H", "-L", "-P") or arg.text.startswith("-O"):
            continue
        if arg.text[:1] == "-" or arg.text in ("(", "!", ")"):
            tests = args[index:]
            break
        starts.append(arg)
    else:
        tests = []
    if not starts:
        span = args[0].span if args else None
        starts = [Field(known("."), span, ".")] if span is not None else []
    return starts, tests


def _narrowed(tests: list[Field]) -> tuple[bool, bool]:
    """Whether a test selects among the files, and whether it selects only junk."""
    junk = narrowed = False
    for index, test in enumerate(tests):
        if test.text == "-type" and index + 1 < len(tests) and tests[index + 1].text == "l":
            narrowed = True
        if test.text not in _NARROWING and not test.text.startswith("-newer"):
            continue
        value = tests[index + 1].text if index + 1 < len(tests) else ""
        if value.strip("*." + STAR) == "" and test.text in (
            "-name",
            "-iname",
            "-path",
            "-wholename",
        ):
            continue
        if test.text == "-perm" and value in ("777", "/000"):
            continue
        narrowed = True
        junk = junk or bool(_JUNK.match(value)) or test.text in ("-empty", "-mtime", "-mmin")
        junk = junk or (test.text in ("-atime", "-ctime") and value.startswith("+"))
    return narrowed, junk


def _found(start: Field, narrowed: bool, extra: tuple[str, ...]) -> Field:
    """What is found below `start`, as later commands see it: many files, perhaps selected."""
    taints = start.value.taints | {"many", *extra}
    raw = "what it finds" if narrowed else start.raw
    return replace(start, value=replace(start.value, taints=taints), raw=raw)


def _find_commands(call: Call, tests: list[Field], found: list[Field]) -> None:
    index = 0
    while index < len(tests):
        if tests[index].text not in _FIND_ACTIONS:
            index += 1
            continue
        end = index + 1
        while end < len(tests) and tests[end].text not in (";", "+"):
            end += 1
        command = tests[index + 1 : end]
        for item in found:
            call.run([_put(word, item) for word in command], stdin=EMPTY)
        index = end


def _put(word: Field, item: Field) -> Field:
    if "{}" not in word.text:
        return word
    if word.text == "{}":
        return item
    texts = tuple(word.text.replace("{}", text) for text in embedded_texts(item.value))
    return Field(Value(texts, item.value.taints, item.raw), word.span, word.raw)


_SECRET_NAMES = re.compile(
    r"id_(?:rsa|dsa|ecdsa|ed25519)|\.pem|\.key|shadow|credential|passw|secret|wallet|\.kdbx|\.env$|"
    r"\.ovpn|token|\.pgpass|\.netrc"
)


# Names that nothing but a secret has.
_ONLY_SECRET = re.compile(
    r"^\*?\.?(?:id_(?:rsa|dsa|ecdsa|ed25519)|ssh|aws|gnupg|kube|netrc|pgpass|git-credentials|my\.cnf|"
    r"g?shadow|wallet\.dat|htpasswd|vault-token|.*\.kdbx|login data|logins\.json|key4\.db)\*?$"
)


def _hunts(tests: list[Field], starts: list[Field], call: Call) -> tuple[str, ...]:
    """Looking for key files outside the project: the marks of what is found."""
    names = [tests[i + 1].text for i, t in enumerate(tests[:-1]) if t.text in ("-name", "-iname")]
    outside = any(
        place_of(resolved(s.text, call.shell.cwd)).partition("-")[0] in ("root", "system", "home")
        for s in starts
    )
    plain = [name.lower().replace(STAR, "*") for name in names]
    if not outside or not any(_SECRET_NAMES.search(n) or _ONLY_SECRET.match(n) for n in plain):
        return ()
    return ("sensitive", *(["secret-file"] if any(map(_ONLY_SECRET.match, plain)) else []))


HANDLERS: dict[str, Handler] = dict.fromkeys(("find", "gfind"), _find)
