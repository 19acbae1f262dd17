"""Filters: what comes out when the text that goes in is known, and where it came from if not."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Callable
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler, Parsed
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.programs.wholesale import WHOLE
from cli_tuner.shell.scan import ansi_c
from cli_tuner.shell.values import CWD, EMPTY, HOLE, STAR, Value, concatenated, known
from cli_tuner.shell.words import Field


def _input(call: Call, parsed: Parsed, skip: int = 0) -> Value:
    """The files that are read, else standard input."""
    files = parsed.operands[skip:]
    if not files:
        return call.stdin
    return concatenated([call.stdin if f.text == "-" else call.reads(f) for f in files])


def _mapped(value: Value, change: Callable[[str], str | None]) -> Value:
    """The changed text if it is known; what cannot be decoded is unknown."""
    if not value.known:
        return Value((HOLE,), value.taints, value.source)
    changed = change(value.text)
    return replace(value, texts=(HOLE if changed is None else changed,))


def _decoded(value: Value, change: Callable[[str], str | None]) -> Value:
    result = _mapped(value, change)
    return replace(result, taints=result.taints | {"decoded"})


def _from_base64(text: str) -> str | None:
    try:
        return base64.b64decode("".join(text.split()) + "==", validate=False).decode("utf-8")
    except (ValueError, binascii.Error):
        return None


def _from_base32(text: str) -> str | None:
    try:
        return base64.b32decode("".join(text.split())).decode("utf-8")
    except (ValueError, binascii.Error):
        return None


def _from_hex(text: str) -> str | None:
    digits = re.sub(r"\\x|0x|[^0-9A-Fa-f]", "", text)
    try:
        return bytes.fromhex(digits).decode("utf-8")
    except ValueError:
        return None


def _base64(call: Call) -> Value:
    facts = Facts(flags=dict.fromkeys(("-d", "-D", "--decode"), "decode"), values=_WRAP)
    parsed = call.parsed(facts)
    value = _input(call, parsed)
    if "decode" in parsed.attributes:
        return _decoded(value, _from_base32 if call.name == "base32" else _from_base64)
    return _mapped(value, lambda text: base64.b64encode(text.encode("utf-8", "replace")).decode())


_WRAP = frozenset({"-w", "--wrap", "-b", "-i", "-o"})


def _xxd(call: Call) -> Value:
    facts = Facts(flags={"-r": "revert", "-revert": "revert"}, values=frozenset({"-l", "-s", "-c"}))
    parsed = call.parsed(facts)
    revert = "revert" in parsed.attributes or any(
        "r" in a.text for a in call.args if a.text[:1] == "-"
    )
    source, target = parsed.operands[:1], parsed.operands[1:2]  # xxd [-r] [infile [outfile]]
    value = _input(call, replace(parsed, operands=source))
    result = _decoded(value, _from_hex) if revert else Value((HOLE,), value.taints, value.source)
    if target and target[0].text != "-":
        call.writes(target[0], result, "edit")
        return EMPTY
    return result


def _rev(call: Call) -> Value:
    value = _input(call, call.parsed(Facts()))
    return _decoded(value, lambda t: "\n".join(line[::-1] for line in t.split("\n")))


def _tac(call: Call) -> Value:
    value = _input(call, call.parsed(Facts()))
    _keeps_all(call, value)
    return _mapped(value, lambda text: "\n".join(reversed(text.rstrip("\n").split("\n"))) + "\n")


def _openssl(call: Call) -> Value:
    words = [arg.text for arg in call.args]
    if "s_client" in words or "s_server" in words:
        from cli_tuner.shell.programs.network import open_connection

        where = call.after("-connect")
        return open_connection(call, where.text if where is not None else None)
    source = call.after("-in")
    value = call.reads(source) if source is not None else call.stdin
    target = call.after("-out")
    if {"-d", "-D"} & set(words) and {"enc", "base64", "-base64", "-a"} & set(words):
        plain = {"base64", "-base64"} & set(words) or (
            {"-a", "enc"} <= set(words) and len(words) < 5
        )
        value = _decoded(value, _from_base64 if plain else lambda _: None)
    elif words[:1] in (["enc"], ["smime"], ["rsautl"], ["pkeyutl"]) and "-d" in words:
        value = _decoded(value, lambda _: None)
    else:
        value = Value((HOLE,), value.taints - {"secret"}, value.source)
    if target is not None:
        call.writes(target, value)
        return EMPTY
    return value


def _tr_set(text: str) -> str:
    text = ansi_c(text)
    classes = {"[:lower:]": "a-z", "[:upper:]": "A-Z", "[:digit:]": "0-9", "[:space:]": " \t\n"}
    for name, spelled in classes.items():
        text = text.replace(name, spelled)
    return re.sub(
        r"(.)-(.)",
        lambda m: "".join(map(chr, range(ord(m[1]), min(ord(m[2]) + 1, ord(m[1]) + 300)))),
        text,
        flags=re.S,
    )


def _tr(call: Call) -> Value:
    options = "".join(arg.text[1:] for arg in call.args if arg.text.startswith("-"))
    sets = [_tr_set(arg.text) for arg in call.args if not arg.text.startswith("-")]

    def change(text: str) -> str | None:
        if "c" in options.lower() or not sets:
            return None
        if "d" in options:
            return "".join(char for char in text if char not in sets[0])
        if len(sets) < 2 or not sets[1]:
            return text
        target = sets[1].ljust(len(sets[0]), sets[1][-1])
        return text.translate({ord(a): b for a, b in zip(sets[0], target, strict=False)})

    return _mapped(call.stdin, change)


def _rot13(call: Call) -> Value:
    return _decoded(call.stdin, lambda text: codecs.encode(text, "rot13"))


def _same(call: Call) -> Value:
    """cat and filters that keep or select lines: the text stays what it was."""
    facts = Facts(values=_KEEPERS.get(call.name, frozenset()))
    parsed = call.parsed(facts)
    value = _input(call, parsed)
    if call.name in ("head", "tail"):
        if call.name == "head" and _takes_much(call):
            return value
        if call.name == "tail":
            _keeps_all(call, value)
        whole = call.name == "tail" and any(a.text.lstrip("-n").startswith("+") for a in call.args)
        selected = frozenset() if whole else frozenset({"everything"})
        lines = parsed.argument("-n", "--lines")
        one = {"alone"} if call.has("-1") or (lines is not None and lines.text == "1") else set()
        return replace(value, taints=(value.taints - {"endless"} - selected) | one)
    return value


def _keeps_all(call: Call, value: Value) -> None:
    """What prints the end first must keep everything until the end comes."""
    if "endless" in value.taints:
        call.effect(EffectKind.RESOURCE, call.name, "memory")


def _takes_much(call: Call) -> bool:
    """`head -c 500G`: a limit that is none."""
    from cli_tuner.shell.programs.files import bytes_of

    given = call.after("-c", "--bytes", "-n", "--lines")
    joined = next((a.text[2:] for a in call.args if re.match(r"-[cn]\d", a.text)), "")
    return bytes_of(given.text if given is not None else joined) >= 100 * 2**30


_KEEPERS = {
    "head": frozenset({"-n", "-c", "--lines", "--bytes"}),
    "tail": frozenset({"-n", "-c", "-s", "--lines", "--bytes", "--pid"}),
    "pv": frozenset({"-L", "-s", "-N", "-i", "-B"}),
    "mbuffer": frozenset({"-m", "-s"}),
}


def _cut(call: Call) -> Value:
    facts = Facts(values=frozenset({"-d", "-f", "-c", "-b", "--delimiter", "--fields"}))
    parsed = call.parsed(facts)
    value = _input(call, parsed)
    if "many" in value.taints:
        return value  # a column of a list of files: most likely their names
    by, columns = parsed.argument("-d", "--delimiter"), parsed.argument("-f", "--fields")
    if columns is not None and (match := _COLUMNS.fullmatch(columns.text)):
        return _mapped(value, lambda text: _columns(text, by.text if by else "\t", match))
    return Value((HOLE,), value.taints, value.source)


_COLUMNS = re.compile(r"(\d+)(?:(-)(\d*))?")


def _columns(text: str, by: str, wanted: re.Match[str]) -> str:
    """The columns `3`, `2-` or `2-4` of each line."""
    first = max(int(wanted[1]), 1)
    last = first if not wanted[2] else int(wanted[3]) if wanted[3] else None
    lines = (line.split(by or "\t")[first - 1 : last] for line in text.split("\n"))
    return "\n".join((by or "\t").join(parts) for parts in lines)


_NAMES_ONLY = ("--files-with-matches", "--files-without-match")
_LISTING = re.compile(r"-[a-zA-Z]*[lL][a-zA-Z]*")


def _grep(call: Call) -> Value:
    facts = Facts(
        values=frozenset(
            "-A -B -C -m -d -D --include --exclude --exclude-dir --color --max-count -t -g".split()
        ),
        options={"-e": "skip", "-f": "read", "--regexp": "skip", "--file": "read"},
    )
    parsed = call.parsed(facts)
    given = parsed.argument("-e", "-f", "--regexp", "--file") is not None or call.has("--files")
    value = _input(call, parsed, 0 if given else 1)
    patterns = [p.text for p in (parsed.operands[:1] if not given else [])]
    patterns += [v.text for option, v in parsed.arguments if option in ("-e", "--regexp")]
    taints = value.taints - {"endless", "everything"}
    where = parsed.operands[0 if given else 1 :]
    if any(_KEY_TEXT.search(p) for p in patterns) and _outside(call, where):
        taints |= {"secret-file", "sensitive"}
    if call.has("--files", *_NAMES_ONLY) or any(_LISTING.fullmatch(a.text) for a in call.args):
        texts = tuple(dict.fromkeys(text for item in where for text in item.value.texts))
        listed = texts or (CWD,) if not call.stdin.texts[0] else texts
        marks = {"many"} if call.has("--files") else {"many", "filtered"}
        if listed:
            return Value(listed[:12], frozenset(taints | marks), "the files listed")
    if any(re.search(r"\bpsk\b", p) for p in patterns) and any(
        resolved(w.text, call.shell.cwd).startswith("/etc") for w in where
    ):
        call.effect(EffectKind.SECRET, "passwords of networks", "found")
    elif _hunts_passwords(call, patterns, where):
        call.effect(EffectKind.SECRET, "passwords in files of others", "shown")
    if "dump" in value.taints and any(_PASSWORD_TEXT.search(p) for p in patterns):
        call.effect(EffectKind.SECRET, "passwords in a dump", "found")
    searched = [p for p in patterns if _PASSWORD_TEXT.search(p) or _KEY_TEXT.search(p)]
    if "disk" in value.taints and searched:
        call.effect(EffectKind.SECRET, "what is left of secrets on a disk", "found")
    recorded = call.stdin.taints & {"recorded"} or "recorded" in value.taints
    if recorded and any(_PASSWORD_TEXT.search(p) for p in patterns):
        call.effect(EffectKind.SECRET, "passwords in what was typed", "found")
    if "capture" in taints and any(_LOGIN_TEXT.search(p) for p in patterns):
        call.effect(EffectKind.SECRET, "passwords on the network", "capture")
    if "many" in taints:
        taints |= {"filtered"}
    if call.has("--count", "--quiet", "--silent") or any(
        _COUNTS.fullmatch(t.text) for t in call.args
    ):
        taints -= {"secret", "sensitive", "shown", "stored", "dumped", "dump"}
    return Value((HOLE,), taints, value.source)


_COUNTS = re.compile(r"-[a-zA-Z]*[cq][a-zA-Z]*")


# What private keys and issued tokens look like, and what logins look like on the wire.
_KEY_TEXT = re.compile(
    r"PRIVATE KEY|BEGIN (?:RSA|OPENSSH|DSA|EC|PGP)|root:\\?\$|AKIA|aws_secret|ghp_|xox[bp]-"
)
_PASSWORD_TEXT = re.compile(r"pass(?!ive|ed|ing|\b)|token|secret|cred|api.?key", re.I)
_LOGIN_TEXT = re.compile(r"pass|user|login|authorization|cookie|token|secret|cred", re.I)


def _hunts_passwords(call: Call, patterns: list[str], where: list[Field]) -> bool:
    """A search for passwords through everybody's files, or through the system's settings."""
    recursive = call.name in ("rg", "ag", "ack") or any(
        re.match(r"-[a-zA-Z]*[rR]|--recursive", a.text) for a in call.args
    )
    places = [place_of(resolved(item.text, call.shell.cwd)) for item in where]
    wide = [p for p in places if p in ("root", "home-root", "system-top")]
    return recursive and bool(wide) and any(_PASSWORD_TEXT.search(p) for p in patterns)


def _outside(call: Call, where: list[Field]) -> bool:
    places = {place_of(resolved(item.text, call.shell.cwd)) for item in where}
    return bool(places & {"root", "home-root", "home-top", "system-top", "system", "home-config"})


def _decompress(call: Call) -> Value:
    """gunzip, zcat, gpg -d: what was inside stays unknown, where it came from does not."""
    parsed = call.parsed(Facts(values=frozenset({"-S", "-T", "-o", "--output", "--passphrase"})))
    value = _input(call, parsed)
    taints = value.taints - {"file"}
    if value.texts != ("",):
        taints = taints | {"decoded"}
    target = parsed.argument("-o", "--output")
    result = Value((HOLE,), taints, value.source)
    if target is not None:
        call.writes(target, result)
    return result


_STORE = re.compile(r"^(?:~|/root|/home/[^/]+)/\.(?:password-store|gopass)(?:/|$)")


def _gpg(call: Call) -> Value:
    exports = call.has("--export-secret-keys", "--export-secret-subkeys", "--export-secret-key")
    if exports:
        call.effect(EffectKind.SECRET, "the private GPG keys", "dump")
        return Value((HOLE,), frozenset({"secret"}), "the private GPG keys")
    if call.has("--delete-secret-keys", "--delete-secret-key", "--delete-secret-and-public-key"):
        # What was encrypted to it stays so; with --yes nobody is asked.
        attributes = ("database", "delete", WHOLE) if call.has("--yes") else ("delete",)
        call.effect(EffectKind.REMOTE_STATE, "a private GPG key", *attributes)
        return EMPTY
    if call.has("-d", "--decrypt") or any(re.match(r"-[a-zA-Z]*d", a.text) for a in call.args):
        stored = [a for a in call.args if _STORE.match(resolved(a.text, call.shell.cwd))]
        if stored:
            call.effect(EffectKind.SECRET, stored[0].raw, "dump")
        return _decompress(call)
    parsed = call.parsed(Facts(values=frozenset({"-o", "--output", "-r", "--recipient", "-u"})))
    value = _input(call, parsed) if not call.has("--list-keys", "-k", "--verify") else EMPTY
    return Value((HOLE,), value.taints - {"secret"}, value.source)


def _yes(call: Call) -> Value:
    words = [arg.value for arg in call.args if arg.text[:1] != "-"]
    said = concatenated([*words[:1], *(v for word in words[1:] for v in (known(" "), word))])
    texts = said.texts if words and said.known else (HOLE,)
    return Value(texts, frozenset({"endless"}), "yes")


def _ls(call: Call) -> Value:
    """ls prints names: for a later command, any of the folder's files."""
    folders = [arg.text for arg in call.args if not arg.text.startswith("-")]
    inside = [f"{folder.rstrip('/')}/{STAR}" for folder in folders[:8]]
    if any(STAR in folder.rpartition("/")[2] for folder in folders) or call.has("-d"):
        inside = [*folders[:8], *inside]  # a glob names files as well
    names = tuple(dict.fromkeys(inside))
    return Value(names or (f"./{STAR}",), frozenset({"many"}), "the files listed")


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("ls", "dir", "vdir", "exa", "eza"), _ls),
    **dict.fromkeys(("base64", "base32", "gbase64"), _base64),
    **dict.fromkeys(("cat", "head", "tail", "nl", "pv", "mbuffer", "bat"), _same),
    **dict.fromkeys(("less", "more", "fold", "fmt", "expand", "unexpand", "zless"), _same),
    **dict.fromkeys(("grep", "egrep", "fgrep", "rg", "ag", "zgrep", "ack"), _grep),
    **dict.fromkeys(("zcat", "bzcat", "xzcat", "gzcat", "zstdcat", "lz4cat"), _decompress),
    "xxd": _xxd,
    "rev": _rev,
    "tac": _tac,
    "openssl": _openssl,
    "tr": _tr,
    "rot13": _rot13,
    "cut": _cut,
    "gpg": _gpg,
    "gpg2": _gpg,
    "yes": _yes,
}
