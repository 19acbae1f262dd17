"""Programs that find, copy, change and destroy files."""

from __future__ import annotations

import re
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler, Parsed
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.values import (
    EMPTY,
    HOLE,
    QUERY,
    STAR,
    UNKNOWN,
    Value,
    concatenated,
    embedded_texts,
    known,
)
from cli_tuner.shell.words import Field

# --- find

_NARROWING = frozenset(
    "-name -iname -path -ipath -wholename -regex -iregex -mtime -mmin -atime -amin -ctime -cmin "
    "-newer -size -empty -user -uid -group -nouser -nogroup -perm -inum -samefile -lname -used -links -fstype -xtype -executable".split()
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
    found = [_found(start, narrowed, extra) for start in starts]
    if call.has("-delete"):
        for start in starts:
            call.on_path(EffectKind.DELETE, start, "recursive", *extra)
    _find_commands(call, tests, found)
    for option in ("-fprint", "-fprintf", "-fls", "-fprint0"):
        where = call.after(option)
        if where is not None:
            call.writes(where, UNKNOWN)
    texts = tuple(dict.fromkeys(t for item in found for t in item.value.texts))
    hunted = _hunts(tests, starts, call)
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


def _hunts(tests: list[Field], starts: list[Field], call: Call) -> bool:
    """Looking for key files outside the project."""
    names = [tests[i + 1].text for i, t in enumerate(tests[:-1]) if t.text in ("-name", "-iname")]
    outside = any(
        place_of(resolved(s.text, call.shell.cwd)).partition("-")[0] in ("root", "system", "home")
        for s in starts
    )
    return outside and any(_SECRET_NAMES.search(name.lower()) for name in names)


# --- dd, cp, mv, ln, tee


def _dd(call: Call) -> Value:
    """dd if=... of=..."""
    given = {}
    for arg in call.args:
        key, equals, rest = arg.text.partition("=")
        if equals:
            texts = tuple(text.partition("=")[2] for text in arg.value.texts)
            given[key] = Field(replace(arg.value, texts=texts), arg.span, rest or arg.raw)
    content = call.reads(given["if"]) if "if" in given else call.stdin
    if "count" in given:
        content = replace(content, taints=content.taints - {"endless"})
    if "of" in given:
        call.writes(given["of"], content, "raw")
        return EMPTY
    return content


_COPY = Facts(
    flags={
        "-r": "recursive", "-R": "recursive", "-a": "recursive", "--recursive": "recursive",
        "--archive": "recursive", "-f": "forced", "-d": "make-directory", "-T": "exact",
    },
    values=frozenset({"-S", "--suffix", "-o", "-g", "--owner", "--group"}),
    options={"-t": "write", "--target-directory": "write", "-m": "skip", "--mode": "skip"},
)  # fmt: skip
_INSTALL = replace(_COPY, flags={"-d": "make-directory", "-D": "parents"})


def _copy(call: Call) -> Value:
    """cp and install: sources are read, the target is written with what they hold."""
    parsed = call.parsed(_INSTALL if call.name == "install" else _COPY)
    mode = parsed.argument("-m", "--mode")
    if mode is not None:
        for where in parsed.operands[-1:]:
            call.on_path(EffectKind.PERMISSION, where, *mode_attributes(mode.text))
    if call.name == "install" and "make-directory" in parsed.attributes:
        return EMPTY
    sources, target = _sources_and_target(parsed)
    contents = [call.reads(source) for source in sources]
    if target is not None and contents:
        into = _in_folder(call, target, sources)
        call.writes(into, concatenated(contents), *sorted(parsed.attributes))
    return EMPTY


def _sources_and_target(parsed: Parsed) -> tuple[list[Field], Field | None]:
    target = parsed.argument("-t", "--target-directory")
    if target is not None:
        return parsed.operands, replace(
            target, value=Value(tuple(t.rstrip("/") + "/" for t in target.value.texts))
        )
    if len(parsed.operands) < 2:
        return parsed.operands, None
    return parsed.operands[:-1], parsed.operands[-1]


_FOLDERS = re.compile(
    r"^/(?:etc|usr|bin|sbin|lib|boot|root|tmp)(?:/(?:local|bin|sbin|[\w.-]+\.d))*$"
)


def _in_folder(call: Call, target: Field, sources: list[Field]) -> Field:
    """`cp a /etc/` writes /etc/a."""
    text = target.text
    path = resolved(text, call.shell.cwd)
    folder = text.endswith("/") or _FOLDERS.match(path) or text in (".", "..")
    if not folder or len(sources) != 1:
        return target
    name = sources[0].text.rstrip("/").rpartition("/")[2]
    return replace(target, value=Value((text.rstrip("/") + "/" + name,), target.value.taints))


def _move(call: Call) -> Value:
    """mv: sources go away, the target is written."""
    parsed = call.parsed(_COPY)
    sources, target = _sources_and_target(parsed)
    void = target is not None and resolved(target.text, call.shell.cwd) == "/dev/null"
    for source in sources:
        path = resolved(source.text, call.shell.cwd)
        call.on_path(EffectKind.MOVE, source, *(("void",) if void else ()))
        if path in call.shell.files and target is not None:
            call.shell.files[resolved(target.text, call.shell.cwd)] = call.shell.files[path]
    if target is not None and sources and not void:
        call.writes(_in_folder(call, target, sources), _content(call, sources[0]))
    return EMPTY


def _content(call: Call, source: Field) -> Value:
    return call.shell.files.get(resolved(source.text, call.shell.cwd)) or Value(
        (HOLE,), frozenset({"file"}), source.raw
    )


def _link(call: Call) -> Value:
    """ln: a name is made, or replaced with -f."""
    facts = Facts(
        flags={"-f": "forced", "--force": "forced", "-s": "symbolic"}, values=frozenset({"-t"})
    )
    parsed = call.parsed(facts)
    if len(parsed.operands) < 2:
        return EMPTY
    target = _in_folder(call, parsed.operands[-1], parsed.operands[:-1])
    where = resolved(parsed.operands[0].text, call.shell.cwd)
    forced = "forced" in parsed.attributes
    if where == "/dev/null" or forced:
        call.writes(target, UNKNOWN, "link", *(("void",) if where == "/dev/null" else ()))
    else:
        call.writes(target, EMPTY, "link", "append")
    return EMPTY


def _tee(call: Call) -> Value:
    parsed = call.parsed(Facts(flags={"-a": "append", "--append": "append"}))
    attributes = ("append",) if "append" in parsed.attributes else ("truncate",)
    for where in parsed.operands:
        if where.text.startswith("/dev/fd/") or where.value.taints & {"pipe"}:
            continue
        call.writes(where, call.stdin, *attributes)
    return call.stdin


# --- permissions

_OCTAL = re.compile(r"[0-7]{1,5}$")


def mode_attributes(mode: str) -> tuple[str, ...]:
    """What a mode grants: world-write, all (everything to everybody), setuid, none."""
    found: list[str] = []
    if _OCTAL.match(mode):
        digits = mode.zfill(4)[-4:]
        if int(digits[-1]) & 2:
            found.append("world-write")
        if int(digits[0]) & 4:
            found.append("setuid")
        elif int(digits[0]) & 2:
            found.append("setgid")
        if digits[1:] in ("777", "666"):
            found.append("all")
        if digits[1:] == "000":
            found.append("none")
        if int(digits[-1]) & 4:
            found.append("world-read")
        return tuple(found)
    for clause in mode.split(","):
        match = re.match(r"([ugoa]*)([-+=])([rwxXst]*)$", clause)
        if not match:
            continue
        who, sign, what = match.groups()
        everybody = not who or "a" in who or "o" in who
        if sign in "+=" and "w" in what and everybody and who:
            found.append("world-write")
        if sign in "+=" and "r" in what and everybody and who:
            found.append("world-read")
        if sign in "+=" and {"r", "w", "x"} <= set(what.replace("X", "x")) and everybody:
            found += ["all", "world-write"]
        if sign in "+=" and "s" in what:
            found.append("setgid" if who == "g" else "setuid")
        if sign == "-" and "x" in what and (not who or "a" in who):
            found.append("no-execute")
        if (sign == "-" and "r" in what and (not who or "a" in who)) or (sign == "=" and not what):
            found.append("none")
    return tuple(dict.fromkeys(found))


def _chmod(call: Call) -> Value:
    modes, rest, attributes = [], [], []
    reference = call.after("--reference")
    for arg in call.args:
        text = arg.text
        if text in ("-R", "--recursive") or re.match(r"-[vcf]*R[vcf]*$", text):
            attributes.append("recursive")
        elif re.match(r"-(?:[vcfhHLP]+$|-\w)", text):
            continue
        elif not modes and reference is None:
            modes.append(text)
        else:
            rest.append(arg)
    for mode in modes:
        attributes += mode_attributes(mode)
        if HOLE in mode:
            attributes.append("unknown-mode")
    for where in rest:
        call.on_path(EffectKind.PERMISSION, where, *attributes)
    return EMPTY


def _chown(call: Call) -> Value:
    facts = Facts(
        flags={"-R": "recursive", "--recursive": "recursive"}, values=frozenset({"--from"})
    )
    parsed = call.parsed(facts)
    skip = 0 if call.has("--reference") else 1
    for where in parsed.operands[skip:]:
        call.on_path(EffectKind.OWNER, where, *sorted(parsed.attributes))
    return EMPTY


# --- sed, tar, rsync

_SED_EXECUTES = re.compile(
    r"(?:^|;|\d|/)\s*e\s+(\S.*)$|s(.)(?:\\.|(?!\2).)*\2(?:\\.|(?!\2).)*\2[gpiI0-9]*e"
)
_SED_WRITES = re.compile(
    r"(?:^|;|/|\d|\})\s*w\s+(\S+)|s(.)(?:\\.|(?!\2).)*\2(?:\\.|(?!\2).)*\2[gpiI0-9]*w\s+(\S+)"
)


def _sed(call: Call) -> Value:
    in_place, scripts, files = False, [], []
    waiting = False
    for arg in call.args:
        text = arg.text
        if waiting:
            scripts.append(text)
            waiting = False
        elif text in ("-e", "--expression", "-f", "--file"):
            waiting = True
        elif re.match(r"-[nEruzs]*i|--in-place", text):
            in_place = True
        elif text.startswith("-") and text != "-":
            continue
        elif not scripts:
            scripts.append(text)
        else:
            files.append(arg)
    for script in scripts:
        _sed_script(call, script)
    if in_place:
        for where in files:
            grows = all(re.search(r"\$?\s*a[\\ ]|s[/|,#]", script) for script in scripts)
            call.writes(where, _sed_content(scripts), "edit", *(("append",) if grows else ()))
        return EMPTY
    values = [call.reads(where) for where in files] or [call.stdin]
    taints = frozenset().union(*(value.taints for value in values))
    return Value((HOLE,), taints, values[0].source)


def _sed_content(scripts: list[str]) -> Value:
    added = [match.group(1) for s in scripts if (match := re.search(r"\ba\\?\s*(.+)$", s, re.S))]
    return known("\n".join(added)) if added else UNKNOWN


def _sed_script(call: Call, script: str) -> None:
    match = _SED_EXECUTES.search(script)
    if match:
        call.run_text(known(match.group(1)) if match.group(1) else UNKNOWN)
    for write in _SED_WRITES.finditer(script):
        where = write.group(1) or write.group(3)
        if where and "/" in where:
            call.writes(Field(known(where), call.shell.span, where), UNKNOWN)


_TAR = Facts(
    flags={"--remove-files": "remove", "-x": "extract", "--extract": "extract", "-c": "create",
           "--create": "create", "-t": "list", "--list": "list", "--delete": "edit",
           "-z": "packed", "-P": "absolute", "--absolute-names": "absolute", "-O": "stdout",
           "--to-stdout": "stdout"},
    values=frozenset("-X --exclude --exclude-from -T --files-from --strip-components --transform "
                     "--owner --group --mode -b -I --use-compress-program -g -V --wildcards-match".split()),
    options={"-f": "skip", "--file": "skip", "-C": "skip", "--directory": "skip",
             "--checkpoint-action": "skip", "--to-command": "skip", "--checkpoint": "skip",
             "--rsh-command": "skip", "--use-compress-program": "skip", "-I": "skip"},
)  # fmt: skip


def _tar(call: Call) -> Value:
    args = call.args
    if (
        args
        and args[0].text[:1] not in ("-", "")
        and re.fullmatch(r"[cxtruAdvzjJfpkPhO]+", args[0].text)
    ):
        first = replace(args[0], value=known("-" + args[0].text))
        call = Call(call.shell, call.name, [first, *args[1:]], call.stdin)
    parsed = call.parsed(_TAR)
    for option in (
        "--checkpoint-action",
        "--to-command",
        "-I",
        "--use-compress-program",
        "--rsh-command",
    ):
        given = parsed.argument(option)
        if given is not None:
            text = given.text.removeprefix("exec=")
            if option in ("-I", "--use-compress-program") or text != given.text or "to" in option:
                call.run_text(replace(given.value, texts=(text,)))
    archive = parsed.argument("-f", "--file")
    folder = parsed.argument("-C", "--directory")
    attributes = parsed.attributes
    if "list" in attributes:
        return UNKNOWN
    if "extract" in attributes:
        content = call.reads(archive) if archive is not None and archive.text != "-" else call.stdin
        if "stdout" in attributes:
            return Value((HOLE,), content.taints, content.source)
        if folder is not None or call.shell.cwd != ".":
            where = folder or Field(known("."), call.shell.span, ".")
            call.on_path(EffectKind.WRITE, where, "extract")
        return EMPTY
    if "create" not in attributes:
        return EMPTY
    taints: set[str] = set()
    sources = ""
    for where in parsed.operands:
        taints |= call.reads(where).taints
        sources = sources or where.raw
        if "remove" in attributes:
            call.on_path(EffectKind.DELETE, where, "recursive")
    result = Value((HOLE,), frozenset(taints), sources)
    if archive is not None and archive.text != "-":
        call.writes(archive, result)
        return EMPTY
    return result


_RSYNC = Facts(
    flags={"-n": "dry", "--dry-run": "dry", "--delete": "delete", "--delete-after": "delete",
           "--delete-before": "delete", "--delete-during": "delete", "--delete-excluded": "delete",
           "--del": "delete", "--remove-source-files": "remove"},
    values=frozenset("--exclude --include --exclude-from --files-from --rsync-path --port --timeout "
                     "--bwlimit --max-size --min-size --chmod --chown -f --filter --log-file --temp-dir "
                     "-T --compare-dest --link-dest --backup-dir --password-file --out-format".split()),
    options={"-e": "skip", "--rsh": "skip"},
)  # fmt: skip
_REMOTE = re.compile(r"^(?:[\w.-]+@)?[\w.-]+:(?!\\)|^rsync://")


def _rsync(call: Call) -> Value:
    """rsync and scp: local sides are read or written, remote ones are the network."""
    parsed = call.parsed(_RSYNC if call.name == "rsync" else Facts(values=_SCP_VALUES))
    shell = parsed.argument("-e", "--rsh")
    if shell is not None and not shell.text.startswith("ssh"):
        call.run_text(shell.value)
    if len(parsed.operands) < 2 or "dry" in parsed.attributes:
        return UNKNOWN
    *sources, target = parsed.operands
    taints: set[str] = set()
    for source in sources:
        if _REMOTE.match(source.text):
            taints.add("downloaded")
            continue
        taints |= call.reads(source).taints & {"secret", "sensitive"}
        if "remove" in parsed.attributes:
            call.on_path(EffectKind.MOVE, source)
    if _REMOTE.match(target.text):
        carried = ("carries:" + taint for taint in sorted(taints))
        call.effect(EffectKind.NETWORK_OUT, target.text, "copy", *carried)
        if "delete" in parsed.attributes:
            call.effect(EffectKind.REMOTE_STATE, target.text, "delete")
        return EMPTY
    call.writes(target, Value((HOLE,), frozenset(taints), sources[0].raw))
    if "delete" in parsed.attributes:
        call.on_path(EffectKind.DELETE, target, "recursive", "mirror")
    return EMPTY


_SCP_VALUES = frozenset({"-P", "-i", "-F", "-o", "-c", "-l", "-S", "-J"})


# --- destroying in place


def _truncate(call: Call) -> Value:
    parsed = call.parsed(Facts(values=frozenset({"-s", "--size", "-r", "--reference"})))
    size = parsed.argument("-s", "--size")
    grows = size is not None and not size.text.strip("0") == "" and not size.text.startswith("-")
    for where in parsed.operands:
        call.writes(where, EMPTY, "grow" if grows else "truncate")
    return EMPTY


def _ed(call: Call) -> Value:
    """ed and ex in batch mode: the file is written, `!` runs a command."""
    text = call.stdin.text + "\n" + "\n".join(arg.text for arg in call.args)
    for match in re.finditer(r"(?:^|\n|\+|\|)[ :]*!\s*(.+)", text):
        call.run_text(known(match.group(1)), stdin=EMPTY)
    scripted = call.stdin.texts != ("",) or call.has("-c", "-es", "-s", "-e")
    for where in call.args:
        if where.text[:1] not in ("-", "+") and scripted and "\n" not in where.text:
            if not re.search(r"[!%/ ]", where.text) or where.text.startswith("/"):
                call.writes(where, Value((HOLE + call.stdin.text,)), "edit", "append")
    return EMPTY


def _editor(call: Call) -> Value:
    """vim, less and their like: an option can start a command."""
    for index, arg in enumerate(call.args):
        text = arg.text
        if text in ("-c", "--cmd", "--eval") and index + 1 < len(call.args):
            text = "+" + call.args[index + 1].text
        match = re.search(r"^\+:?!\s*(.+)", text)
        if match:
            call.run_text(known(match.group(1)), stdin=EMPTY)
            if re.match(r"(?:/bin/)?(?:ba|z|da)?sh\b", match.group(1)) and call.shell.as_root:
                call.effect(EffectKind.PRIVILEGE, "root", "escape")
    for arg in call.args:
        if arg.text[:1] not in ("-", "+") and call.shell.as_root:
            call.on_path(EffectKind.WRITE, arg, "edit", "interactive", "append")
    return EMPTY


_GLOBS = re.compile(f"[{STAR}{QUERY}]")

HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("find", "gfind"), _find),
    **dict.fromkeys(("cp", "gcp", "install", "ditto"), _copy),
    **dict.fromkeys(("mv", "gmv"), _move),
    **dict.fromkeys(("chown", "chgrp", "gchown"), _chown),
    **dict.fromkeys(("chmod", "gchmod"), _chmod),
    **dict.fromkeys(("sed", "gsed"), _sed),
    **dict.fromkeys(("tar", "gtar", "bsdtar"), _tar),
    **dict.fromkeys(("rsync", "scp"), _rsync),
    **dict.fromkeys(("ed", "ex"), _ed),
    **dict.fromkeys(("vi", "vim", "nvim", "view", "nano", "emacs", "pico"), _editor),
    "dd": _dd,
    "ddrescue": _dd,
    "dcfldd": _dd,
    "ln": _link,
    "tee": _tee,
    "sponge": _tee,
    "truncate": _truncate,
}
