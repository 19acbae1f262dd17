"""The commands of a Dockerfile: RUN, CMD and ENTRYPOINT, in shell and in exec form.

Format: https://docs.docker.com/reference/dockerfile/ (continuations, comments between continued
lines, here-documents, the escape directive).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

from cli_tuner.lint.snippet import Snippet, joined, lines_of

_INSTRUCTION = re.compile(r"[ \t]*(?:ONBUILD[ \t]+)?(RUN|CMD|ENTRYPOINT|SHELL)[ \t]+", re.I)
_FLAG = re.compile(r"--[a-z]+=\S*[ \t]*|\\\r?\n[ \t]*")
_HERE = re.compile(r"<<(-?)(['\"]?)([A-Za-z_]\w*)\2")
_ESCAPE = re.compile(r"#\s*escape\s*=\s*(\S)", re.I)
_SHELLS = frozenset("sh bash ash dash ksh zsh".split())


def snippets_of(source: str) -> Iterator[Snippet]:
    """Each command of the file, in order. Those for a shell that is none of ours are left out."""
    found = _ESCAPE.match(source)
    escape = found[1] if found else "\\"
    lines = list(lines_of(source))
    number = 0
    ours = True
    while number < len(lines):
        start, end = lines[number]
        instruction = _INSTRUCTION.match(source, start, end)
        count = _logical(source, lines, number, escape)
        if instruction is not None:
            snippet = _continued(source, lines[number : number + count], instruction.end(), escape)
            if instruction[1].upper() == "SHELL":
                ours = _is_ours(snippet.text)
            else:
                body, more = _here_documents(source, lines, number + count, snippet)
                if ours or snippet.text.lstrip().startswith("["):
                    yield _without_flags(body)
                count += more
        number += count


def _logical(source: str, lines: list[tuple[int, int]], number: int, escape: str) -> int:
    """How many lines the instruction takes that begins here."""
    count = 1
    if source[lines[number][0] : lines[number][1]].lstrip().startswith("#"):
        return 1
    while number + count < len(lines):
        line = source[slice(*lines[number + count - 1])].rstrip()
        comment = count > 1 and line.lstrip().startswith("#")
        if not line.endswith(escape) and not comment:
            break
        count += 1
    return count


def _continued(source: str, lines: list[tuple[int, int]], start: int, escape: str) -> Snippet:
    """The instruction's text: comments between its lines are left out, as Docker does."""
    pieces = []
    for index, (begin, end) in enumerate(lines):
        if index and source[begin:end].lstrip().startswith("#"):
            continue
        first = start if index == 0 else begin
        last = index == len(lines) - 1
        piece = Snippet.cut(source, first, end if last else min(end + 1, len(source)))
        if escape != "\\" and not last:
            at = piece.text.rstrip().rfind(escape)
            piece = piece.changed(at, at + 1, "\\") if at >= 0 else piece
        pieces.append(piece)
    return joined(pieces)


def _here_documents(
    source: str, lines: list[tuple[int, int]], number: int, snippet: Snippet
) -> tuple[Snippet, int]:
    """The command with its here-documents, and how many lines they take.

    `RUN <<EOF` alone is a script of its own.
    """
    marks = [(found[1], found[3]) for found in _HERE.finditer(snippet.text)]
    if not marks or snippet.text.lstrip().startswith("["):
        return snippet, 0
    count = 0
    bodies: list[tuple[int, int]] = []
    for dash, mark in marks:
        begin = number + count
        while number + count < len(lines):
            line = source[slice(*lines[number + count])].rstrip("\r")
            count += 1
            if (line.lstrip("\t") if dash else line) == mark:
                break
        if count and begin < number + count:
            bodies.append((lines[begin][0], lines[number + count - 1][0]))
    if _HERE.fullmatch(snippet.text.strip()) and len(bodies) == 1:
        return Snippet.cut(source, *bodies[0]), count
    if not count:
        return snippet, 0
    whole = Snippet.cut(source, lines[number - 1][1], lines[number + count - 1][1])
    return joined([snippet, whole]), count


def _without_flags(snippet: Snippet) -> Snippet:
    """Without --mount=... and the like before the command; the exec form as a command."""
    position = 0
    while (flag := _FLAG.match(snippet.text, position)) is not None:
        position = flag.end()
    rest = Snippet(snippet.text[position:], snippet.offsets[position:])
    words = _exec_form(rest.text)
    if words is None:
        return rest
    return rest.changed(0, len(rest.text), shlex.join(words)) if rest.text else rest


def _exec_form(text: str) -> list[str] | None:
    """The words of `["program", "argument"]`; None if it is no such list."""
    if not text.lstrip().startswith("["):
        return None
    try:
        words = json.loads(re.sub(r"\\\r?\n", "", text))
    except ValueError:
        return None
    return words if all(isinstance(word, str) for word in words) else None


def _is_ours(text: str) -> bool:
    words = _exec_form(text) or [""]
    return words[0].rpartition("/")[2] in _SHELLS
