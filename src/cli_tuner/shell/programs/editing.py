"""Editors, interactive and not: what they write, and the commands they can start."""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.given_code import content_of
from cli_tuner.shell.paths import resolved
from cli_tuner.shell.settings import weigh
from cli_tuner.shell.values import (
    EMPTY,
    HOLE,
    UNKNOWN,
    Value,
    known,
)
from cli_tuner.shell.words import Field

_SED_EXECUTES = re.compile(r"(?:^|[;/\d])\s*e\s+(\S.*)$")
_SED_WRITES = re.compile(r"(?:^|[;/\d}])\s*w\s+(\S+)|(?:^|[;{}])\s*[\d$]*\s*w(/\S+)")
_SED_SUBSTITUTES = re.compile(r"(?:^|[;/\d}$,\s])s([^\w\s\\])")
SCRIPT_MAX = 4_000


def _sed(call: Call) -> Value:
    in_place, scripts, files = False, [], []
    waiting = ""
    for arg in call.args:
        text = arg.text
        if waiting:
            written = content_of(call, arg) if waiting == "file" else None
            scripts.append(written.text if written is not None and written.known else text)
            waiting = ""
        elif text in ("-e", "--expression", "-f", "--file"):
            waiting = "file" if "f" in text else "text"
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
            grows = all(_SED_ADDS.search(s) or re.search(r"s[/|,#]", s) for s in scripts)
            call.writes(where, _sed_content(scripts), "edit", *(("append",) if grows else ()))
            weigh(
                call.shell, call.name, resolved(where.text, call.shell.cwd), _replacements(scripts)
            )
        return EMPTY
    values = [call.reads(where) for where in files] or [call.stdin]
    taints = frozenset().union(*(value.taints for value in values))
    # Of a list of names each line is one, whatever it says.
    plain = values[0].known or (values[0].text == HOLE and "many" in taints)
    edited = substituted(values[0].text, scripts) if len(values) == 1 and plain else None
    if any(_GROWS.search(script) for script in scripts):
        call.effect(EffectKind.RESOURCE, call.name, "memory")
    return Value((HOLE if edited is None else edited,), taints, values[0].source)


# `:a` ... `ta` around a substitution that always fits and always makes the line longer.
_GROWS = re.compile(
    r":\s*(\w+)\s*[;\n](?:[^;\n]*[;\n])*?\s*s(?P<d>[^\w\s\\])(?:\^|\$|\^?\\?\(?\.\*?\\?\)?\$?)(?P=d)"
    r"(?:[^&\\]*(?:&|\\1)[^&\\]*(?:&|\\1)[^;\n]*|[^&;\n\\]+|&[^;\n]+|[^&;\n]+&)(?P=d)\w*\s*"
    r"[;\n]\s*[tb]\s*\1\s*(?:$|[;\n}])"
)


# An address, or two, and then a, i or c with a text up to the end of the line.
_ADDRESS = r"(?:\d+|\$|/(?:[^/\\\n]|\\.)*/[IM]?|\\([^\w\s\\])(?:(?!\1).)*\1)"
_SED_ADDS = re.compile(
    rf"(?:^|[;{{\n])\s*(?:{_ADDRESS}(?:\s*,\s*[+~]?(?:\d+|\$|/(?:[^/\\\n]|\\.)*/))?\s*!?\s*)?"
    r"[aic](?:\\\n?)?[ \t]*(?P<text>\S[^\n]*)"
)


def _sed_content(scripts: list[str]) -> Value:
    """The lines that a, i and c put into the file, and those that s puts there."""
    added = [match["text"] for script in scripts for match in _SED_ADDS.finditer(script)]
    replaced = _replacements(scripts).text.split("\n")
    lines = [piece.replace("\\n", "\n") for piece in replaced if "\\n" in piece]
    added += [line.replace("\\&", "&") for line in lines]
    return known("\n".join(added)) if added else UNKNOWN


def _replacements(scripts: list[str]) -> Value:
    """What s commands put into the file, one piece a line."""
    pieces = [
        _substitution(script, match.end(), match.group(1))[0]
        for script in scripts
        for match in list(_SED_SUBSTITUTES.finditer(script[:SCRIPT_MAX]))[:16]
    ]
    return known("\n".join(pieces))


def _sed_script(call: Call, script: str) -> None:
    """The commands e and w, and the flags e and w of s///."""
    script = script[:SCRIPT_MAX]
    if match := _SED_EXECUTES.search(script):
        call.run_text(known(match.group(1)))
    if re.fullmatch(r"\s*(?:\d+|\$)?\s*e\s*", script):
        call.run_text(call.stdin, stdin=EMPTY)  # the line itself is the command
    targets = [match[1] or match[2] for match in _SED_WRITES.finditer(script)]
    for match in list(_SED_SUBSTITUTES.finditer(script))[:16]:
        replacement, flags = _substitution(script, match.end(), match.group(1))
        if re.match(r"[gpiIm\d]*e", flags):
            call.run_text(known(replacement) if replacement else UNKNOWN)
        if write := re.match(r"[gpiIme\d]*w\s+(\S+)", flags):
            targets.append(write.group(1))
    for target in targets:
        if "/" in target:
            call.writes(Field(known(target), call.shell.span, target), UNKNOWN)


def _substitution(script: str, start: int, delimiter: str) -> tuple[str, str]:
    """The replacement of an s command, and what follows its last delimiter."""
    edges: list[int] = []
    position = start
    while position < len(script) and len(edges) < 2:
        if script[position] == "\\":
            position += 1
        elif script[position] == delimiter:
            edges.append(position)
        position += 1
    if len(edges) < 2:
        return "", ""
    return script[edges[0] + 1 : edges[1]], script[edges[1] + 1 :]


_BASIC = re.compile(r"\\([(){}|+?])|([(){}|+?])")


_FOREIGN_SET = re.compile(r"\[\^?[^\]]*(?:\[|--|&&|\|\||~~)")  # sets that Python reads otherwise


def substituted(text: str, scripts: list[str]) -> str | None:
    """What s and y commands make of a known text; None if there is anything else."""
    for script in scripts:
        rest = script.strip()
        while rest:
            kind, delimiter = rest[:1], rest[1:2]
            if kind not in ("s", "y") or not delimiter or delimiter.isalnum():
                return None
            pieces = re.split(r"(?<!\\)" + re.escape(delimiter), rest[2:], maxsplit=2)
            if len(pieces) < 3:
                return None
            flags = re.match(r"[gpiI\d]*", pieces[2])
            given = flags.group() if flags else ""
            made = _transliterated(text, *pieces[:2]) if kind == "y" else _one(
                text, pieces[0], pieces[1].replace("\\" + delimiter, delimiter), given
            )  # fmt: skip
            if made is None:
                return None
            text, rest = made, pieces[2][len(given) :].lstrip("; \n")
    return text


def _transliterated(text: str, before: str, after: str) -> str | None:
    return text.translate(str.maketrans(before, after)) if len(before) == len(after) else None


def _one(text: str, pattern: str, replacement: str, flags: str) -> str | None:
    """One s command on each line; basic expressions are spelled as Python's."""
    if _FOREIGN_SET.search(pattern):
        return None
    swapped = _BASIC.sub(lambda m: m[1] or "\\" + m[2], pattern)
    into = re.sub(r"\\(\d)|(?<!\\)&|\\(.)", _part, replacement)
    try:
        regex = re.compile(swapped, re.I if "i" in flags.lower() else 0)
        count = 0 if "g" in flags else 1
        return "\n".join(regex.sub(into, line, count=count) for line in text.split("\n"))
    except (re.error, IndexError):
        return None


def _part(match: re.Match[str]) -> str:
    if match[1]:
        return f"\\g<{match[1]}>"
    return {"n": r"\n", "\\": r"\\"}.get(match[2], match[2]) if match[2] else r"\g<0>"


_DELETES_ALL = re.compile(r"(?:^|[\n+|:'\"])\s*(?:%|,|1,\$|g/\^?/|g/\.\*/|0,\$|:?%)\s*d(?![\w/])")
_DELETES_SOME = re.compile(r"(?:^|[\n+|:'\"])\s*(?:[gv]!?/[^\n]*?/d\b|\d[\d,$]*d\b)")
_SAVES = re.compile(r"(?:^|[\n+|:'\"])\s*(?:w|wq|x|wqa|wa|xa|update|wn|ZZ)!?\b")


def _ed(call: Call) -> Value:
    """ed and ex in batch mode: the file is written, `!` runs a command."""
    text = call.stdin.text + "\n" + "\n".join(arg.text for arg in call.args)
    for match in re.finditer(r"(?:^|\n|\+|\|)[ :]*!\s*(.+)", text):
        call.run_text(known(match.group(1)), stdin=EMPTY)
    scripted = call.stdin.texts != ("",) or call.has("-c", "-es", "-s", "-e", "-sc", "-Esc")
    emptied = bool(_DELETES_ALL.search(text))
    grows = () if _DELETES_SOME.search(text) else ("append",)
    for where in call.args:
        named = where.text.startswith("/") or not re.search(r"[!%/ ]", where.text)
        if scripted and named and where.text[:1] not in ("-", "+") and "\n" not in where.text:
            if emptied:
                call.writes(where, EMPTY, "truncate")
            else:
                call.writes(where, Value((HOLE + call.stdin.text,)), "edit", *grows)
    return EMPTY


def _editor(call: Call) -> Value:
    """vim, less and their like: an option can start a command."""
    for index, arg in enumerate(call.args):
        text = arg.text
        if text in ("-c", "--cmd", "--eval") and index + 1 < len(call.args):
            text = "+" + call.args[index + 1].text
        if text[:1] == "+" or arg.text == "--eval":
            _script(call, text.lstrip("+"))
        match = re.search(r"^\+:?(?:(?:sil(?:ent)?!?|r(?:ead)?|%|w(?:rite)?)\s*)*!\s*(.+)", text)
        if match:
            call.run_text(known(match.group(1)), stdin=EMPTY)
            if re.match(r"(?:/bin/)?(?:ba|z|da)?sh\b", match.group(1)) and call.shell.as_root:
                call.effect(EffectKind.PRIVILEGE, "root", "escape")
    text = call.stdin.text + "\n" + "\n".join(arg.text for arg in call.args)
    emptied = _DELETES_ALL.search(text)
    if (emptied or _DELETES_SOME.search(text)) and _SAVES.search(text):
        for arg in call.args:
            if arg.text[:1] not in ("-", "+") and not re.search(r"[%!|]|/d\b|^\w{1,3}$", arg.text):
                call.writes(arg, EMPTY if emptied else UNKNOWN, "truncate" if emptied else "edit")
    for arg in call.args:
        if arg.text[:1] not in ("-", "+") and call.shell.as_root:
            call.on_path(EffectKind.WRITE, arg, "edit", "interactive", "append")
    return EMPTY


_OTHER_LANGUAGE = re.compile(
    r"[:\s]*(?P<name>py(?:thon)?(?:3|x)?|pyx|perl|ruby|lua|tcl)\b(?:do)?\s+(?P<code>.+)", re.S
)


def _script(call: Call, text: str) -> None:
    """Code given to an editor: Vim's or Emacs' own, or another language's."""
    from cli_tuner.shell.programs.snippets import run_snippet

    match = _OTHER_LANGUAGE.match(text)
    name = "emacs" if call.name == "emacs" else "vim"
    if match is not None:
        name = "python" if match["name"].startswith("py") else match["name"].replace("tcl", "tclsh")
        text = match["code"]
    elif name == "vim" and not re.search(r"\w\(", text):
        return
    run_snippet(Call(call.shell, name, call.args, call.stdin), text)


def _sudoedit(call: Call) -> Value:
    """sudoedit: an editor, for files of root's."""
    for where in call.args:
        if not where.text.startswith("-"):
            call.on_path(EffectKind.WRITE, where, "edit", "interactive", "append")
    return EMPTY


HANDLERS: dict[str, Handler] = {
    "sudoedit": _sudoedit,
    **dict.fromkeys(("sed", "gsed"), _sed),
    **dict.fromkeys(("ed", "ex"), _ed),
    **dict.fromkeys(("vi", "vim", "nvim", "view", "nano", "emacs", "pico", "gvim"), _editor),
}
