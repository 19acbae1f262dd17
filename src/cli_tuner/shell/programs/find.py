"""find: where it looks, whether it narrows, and what it does with what it finds."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.programs.find_selection import JUNK, selected
from cli_tuner.shell.template import EXECUTES
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

_WHOLE = frozenset({"root", "home-root", "system-top"})


def _find(call: Call) -> Value:
    """find: where it looks, whether it narrows, and what it does with what it finds."""
    starts, tests = _find_parts(call.args)
    kinds = selected(tests)
    narrowed = bool(kinds)
    hunted = _hunts(tests, starts, call)
    marks = [_marks(call, start, kinds) for start in starts]
    found = [
        _found(start, narrowed, (*extra, *hunted))
        for start, extra in zip(starts, marks, strict=True)
    ]
    if _seeks_history(tests):
        found += [_below(start, ".git") for start in starts]
        found += [
            _below(start, f"{STAR}/.git") for start in starts if start.text not in (".", "./")
        ]
    if call.has("-delete"):
        for start, extra in zip(starts, marks, strict=True):
            call.on_path(EffectKind.DELETE, start, "recursive", *extra)
    _find_commands(call, tests, found)
    for option in ("-fprint", "-fprintf", "-fls", "-fprint0"):
        where = call.after(option)
        if where is not None:
            call.writes(where, UNKNOWN)
    texts = tuple(dict.fromkeys(t for item in found for t in item.value.texts))
    taints = frozenset({"many", *hunted[:1], *(mark for extra in marks for mark in extra)})
    return Value(texts[:12] or (HOLE,), taints, "what find finds")


def _marks(call: Call, start: Field, kinds: frozenset[str]) -> tuple[str, ...]:
    """What is true of the files found below `start`: selected, or nothing but junk."""
    place = place_of(resolved(start.text, call.shell.cwd))
    useless = (
        "junk" in kinds
        or ("old" in kinds and place not in _WHOLE)
        or ("one" in kinds and place == "home-root")
    )
    current = ("live",) if "logs" in kinds and "aged" not in kinds else ()
    return (("filtered",) if kinds else ()) + (("junk",) if useless else ()) + current


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


def _found(start: Field, narrowed: bool, extra: tuple[str, ...]) -> Field:
    """What is found below `start`, as later commands see it: many files, perhaps selected."""
    taints = start.value.taints | {"many", *extra}
    raw = "what it finds" if narrowed else start.raw
    return replace(start, value=replace(start.value, taints=taints), raw=raw)


_HISTORIES = frozenset({".git", ".hg", ".bzr", ".jj"})


def _seeks_history(tests: list[Field]) -> bool:
    """Whether what is sought is the folder with a project's history."""
    texts = [test.text for test in tests]
    at = texts.index("-name") if "-name" in texts[:-1] else -1
    left_out = "-prune" in texts and "-o" in texts[texts.index("-prune") :]
    named = at >= 0 and texts[at + 1] in _HISTORIES and not left_out
    return named and (at == 0 or texts[at - 1] not in ("!", "-not"))


def _below(start: Field, name: str) -> Field:
    texts = tuple(f"{text.rstrip('/')}/{name}" for text in start.value.texts)
    return replace(start, value=replace(start.value, texts=texts))


def _find_commands(call: Call, tests: list[Field], found: list[Field]) -> None:
    index = 0
    while index < len(tests):
        if tests[index].text not in EXECUTES:
            index += 1
            continue
        end = index + 1
        while end < len(tests) and tests[end].text not in (";", "+"):
            end += 1
        command = tests[index + 1 : end]
        asks = tests[index].text in ("-ok", "-okdir")
        alone = _alone(tests, tests[index].text.endswith("dir"))
        for item in found:
            one = _marked(item, "asks") if asks else item
            one = _marked(one, "alone") if alone else one
            call.run([_put(word, one) for word in command], stdin=EMPTY)
        index = end


def _alone(tests: list[Field], each_in_its_folder: bool) -> bool:
    """Whether what is found is one file, or one in each folder where the command runs."""
    texts = [test.text for test in tests]
    names = [value for test, value in pairwise(texts) if test in ("-name", "-iname")]
    exact = bool(names) and not any(set(name) & {STAR, "*", "?", "["} for name in names)
    flat = ("-maxdepth", "1") in pairwise(texts)
    return "-quit" in texts or (exact and (each_in_its_folder or flat))


def _marked(item: Field, mark: str) -> Field:
    return replace(item, value=replace(item.value, taints=item.value.taints | {mark}))


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
    r"g?shadow|krb5cc_?|wallet\.dat|htpasswd|vault-token|.*\.kdbx|login data|logins\.json|"
    r"key4\.db)\*?$"
)


# Names that a secret has if they are looked for on the whole machine.
_MOSTLY_SECRET = re.compile(
    r"^\*?\.?(?:pem|key|env(?:\..*)?|ovpn|ppk|p12|pfx|jks|keystore|wp-config\.php|credentials.*|"
    r"config\.inc\.php|settings\.py|.*password.*|.*secret.*)$"
)


def _hunts(tests: list[Field], starts: list[Field], call: Call) -> tuple[str, ...]:
    """Looking for key files outside the project: the marks of what is found."""
    names = [tests[i + 1].text for i, t in enumerate(tests[:-1]) if t.text in ("-name", "-iname")]
    places = [place_of(resolved(s.text, call.shell.cwd)) for s in starts]
    outside = any(p.partition("-")[0] in ("root", "system", "home", "temp") for p in places)
    plain = [name.lower().replace(STAR, "*") for name in names]
    if not outside or not any(_SECRET_NAMES.search(n) or _ONLY_SECRET.match(n) for n in plain):
        return ()
    wide = {"root", "home-root"} & set(places)
    certain = any(_ONLY_SECRET.match(n) or (wide and _MOSTLY_SECRET.match(n)) for n in plain)
    return ("sensitive", *(["secret-file"] if certain else []))


_FD_VALUES = frozenset(
    "-d --max-depth --min-depth -t --type -e --extension -E --exclude -S --size -o --owner -j "
    "--threads -c --color --changed-within --changed-before -g --glob --base-directory".split()
) - {"-g", "--glob"}  # fmt: skip
_FD_EXEC = frozenset({"-x", "-X", "--exec", "--exec-batch"})


def _fd(call: Call) -> Value:
    """fd: [options] [pattern [path ...]] [-x command]."""
    texts = [arg.text for arg in call.args]
    cut = next((i for i, text in enumerate(texts) if text in _FD_EXEC), len(texts))
    before = Call(call.shell, call.name, call.args[:cut], call.stdin).parsed(
        Facts(values=_FD_VALUES)
    )
    pattern = before.operands[0].text if before.operands else "."
    starts = before.operands[1:] or [Field(known("."), call.shell.span, ".")]
    kind = before.argument("-e", "--extension")
    kinds = set() if pattern in (".", "", "^", ".*", STAR) and kind is None else {"some"}
    if kind is not None and JUNK.match("*." + kind.text):
        kinds.add("junk")
    found = [_found(start, bool(kinds), _marks(call, start, frozenset(kinds))) for start in starts]
    command = call.args[cut + 1 :]
    for item in found if command else ():
        placed = [_put(word, item) for word in command]
        call.run(placed if any("{" in word.text for word in command) else [*placed, item])
    return _listing(found)


def _listing(found: list[Field]) -> Value:
    texts = tuple(dict.fromkeys(t for item in found for t in item.value.texts))
    taints = frozenset({"many"}).union(*(item.value.taints for item in found))
    return Value(texts[:12] or (HOLE,), taints, "the files found")


def _locate(call: Call) -> Value:
    """locate: files of the whole machine whose names fit."""
    patterns = [arg for arg in call.args if arg.text[:1] != "-"]
    junk = bool(patterns) and all(JUNK.match(p.text.replace(STAR, "*")) for p in patterns)
    secret = any(_ONLY_SECRET.match(p.text.lower().replace(STAR, "*")) for p in patterns)
    marks = frozenset(
        {"many", "filtered", *(["junk"] if junk else []), *(["secret-file"] if secret else [])}
    )
    return Value(("/",), marks, "the files found")


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("find", "gfind"), _find),
    **dict.fromkeys(("fd", "fdfind"), _fd),
    **dict.fromkeys(("locate", "plocate", "mlocate"), _locate),
}
