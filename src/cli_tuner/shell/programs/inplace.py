"""Programs that replace a file they are given, or name their output as an operand.

Covered: compressors that remove what they packed, `sort -o`, `uniq IN OUT`, `script FILE`, and
names computed from paths (dirname, basename). Not covered: what a compressor's archive holds.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.values import EMPTY, HOLE, HOME, UNKNOWN, Value, concatenated

_PACK = Facts(
    flags={"-c": "kept", "--stdout": "kept", "--to-stdout": "kept", "-k": "kept", "--keep": "kept",
           "-t": "kept", "--test": "kept", "-l": "kept", "--list": "kept", "-d": "unpack",
           "--decompress": "unpack", "--uncompress": "unpack", "-r": "recursive",
           "--recursive": "recursive"},
    values=frozenset({"-S", "--suffix", "-T", "--threads", "-p", "-b", "-F", "--format"}),
)  # fmt: skip


def _compress(call: Call) -> Value:
    """gzip and its like: FILE becomes FILE.gz, so whoever looks for FILE finds nothing."""
    parsed = call.parsed(_PACK)
    taints = set(call.stdin.taints)
    source = call.stdin.source
    for where in parsed.operands:
        if where.text == "-":
            continue
        content = call.reads(where)
        taints |= content.taints
        source = source or content.source
        if not {"kept", "unpack"} & parsed.attributes:
            call.on_path(EffectKind.MOVE, where, "packed", *sorted(parsed.attributes))
    decoded = {"decoded"} if "unpack" in parsed.attributes else set()
    return Value((HOLE,), frozenset(taints | decoded), source)


def _sort(call: Call) -> Value:
    """sort and shuf: the text in another order, perhaps into a file."""
    values = frozenset("-k -t -S -T --key --field-separator --buffer-size --parallel -n".split())
    if call.name == "sort":
        values -= {"-n"}
    options = {"-o": "write", "--output": "write", "--files0-from": "read"}
    parsed = call.parsed(Facts(values=values, options=options))
    inputs = [call.stdin if f.text == "-" else call.reads(f) for f in parsed.operands]
    value = concatenated(inputs) if inputs else call.stdin
    if "endless" in value.taints:
        # Nothing can be printed before the last line is known.
        call.effect(EffectKind.RESOURCE, call.name, "memory")
    target = parsed.argument("-o", "--output")
    if target is not None:
        call.writes(target, value)
        return EMPTY
    return value


def _uniq(call: Call) -> Value:
    parsed = call.parsed(Facts(values=frozenset({"-f", "-s", "-w"})))
    if not parsed.operands:
        return call.stdin
    value = call.reads(parsed.operands[0])
    if len(parsed.operands) > 1:
        call.writes(parsed.operands[1], value)
        return EMPTY
    return value


def _script(call: Call) -> Value:
    """`script [-c command] [file]`: a command's output is written to the file."""
    values = frozenset({"-t", "-T", "-O", "-I", "-B", "-E", "-o", "-m"})
    flags = {"-a": "append", "--append": "append"}
    parsed = call.parsed(
        Facts(flags=flags, values=values, options={"-c": "skip", "--command": "skip"})
    )
    code = parsed.argument("-c", "--command")
    for where in parsed.operands[:1]:
        if not where.text.startswith("/dev/null"):
            talk = Value((HOLE,), frozenset({"shell"} if code is None else ()))
            call.writes(where, talk, "append" if "append" in parsed.attributes else "truncate")
    if code is not None:
        return call.run_text(code.value)
    if call.shell.as_root and len(parsed.operands) < 2:
        call.effect(EffectKind.PRIVILEGE, "root", "interactive")
    if len(parsed.operands) > 1:  # BSD: script file command ...
        return call.run(parsed.operands[1:])
    return UNKNOWN


def _dirname(text: str) -> str:
    if text == HOME:
        return "/home"
    return posixpath.dirname(text.rstrip("/") or "/") or "."


def _path_part(call: Call) -> Value:
    """dirname and basename of what is known."""
    operands = [arg for arg in call.args if not arg.text.startswith("-")]
    if not operands:
        return UNKNOWN
    value = operands[0].value
    if call.name == "basename":
        suffix = operands[1].text if len(operands) > 1 else ""
        texts = tuple(t.rstrip("/").rpartition("/")[2].removesuffix(suffix) for t in value.texts)
    else:
        texts = tuple(_dirname(text) for text in value.texts)
    if any(HOLE in text for text in value.texts):
        return Value((HOLE,), value.taints, value.source)
    return replace(value, texts=tuple(text + "\n" for text in texts))


def _names(call: Call) -> Value:
    """stat prints the names of what it looks at, if its format says so."""
    form = call.after("-c", "--format", "-f", "--printf")
    files = [arg for arg in call.args if arg is not form and not arg.text.startswith("-")]
    texts = tuple(dict.fromkeys(text for f in files for text in f.value.texts))[:8]
    if form is None or "%n" not in form.text or not texts:
        return Value((HOLE,))
    return Value(texts, frozenset({"many"}), "the files listed")


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys("gzip bzip2 xz compress pigz pbzip2 lzma lzip lzop lrzip".split(), _compress),
    **dict.fromkeys(("sort", "gsort", "shuf", "gshuf"), _sort),
    "uniq": _uniq,
    **dict.fromkeys(("script", "scriptlive"), _script),
    **dict.fromkeys(("dirname", "basename"), _path_part),
    **dict.fromkeys(("stat", "gstat"), _names),
}
