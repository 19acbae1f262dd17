"""The commands of a makefile: each line of a recipe is one, as make gives each to a shell.

`$(NAME)` is a variable of make: its value, if the file sets it once and in plain words, and
otherwise `${NAME}`, an unknown text for the guard. `$$` is the shell's own dollar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cli_tuner.lint.snippet import Snippet, lines_of

_PREFIX = re.compile(r"[@+\- \t]*")
_RULE = re.compile(r"^(?!\t)[^#=\s][^=#]*::?(?!=)")
_AUTOMATIC = "@<^?*%+|"
_ASSIGNMENT = re.compile(r"^([\w.-]+)[ \t]*(\?|::?:?|\+)?=[ \t]*(.*)$", re.M)
_REFERENCE = re.compile(r"\$[({]([\w.-]+)[)}]")


def snippets_of(source: str) -> Iterator[Snippet]:
    """Each command of the file, in order."""
    lines = list(lines_of(source))
    values = _values(source)
    number = 0
    in_rule = False
    while number < len(lines):
        start, end = lines[number]
        line = source[start:end]
        count = 1
        while number + count < len(lines) and _continues(source[slice(*lines[number + count - 1])]):
            count += 1
        stop = lines[number + count - 1][1]
        if line.startswith("\t") and in_rule:
            yield _command(Snippet.cut(source, start + 1, stop), values)
        elif _RULE.match(line):
            in_rule = True
            after = _inline(source[start:stop])
            if after is not None:
                yield _command(Snippet.cut(source, start + after, stop), values)
        elif line.strip() and not line.lstrip().startswith("#"):
            in_rule = line.lstrip().startswith(("if", "else", "endif")) and in_rule
        number += count


def _values(source: str) -> dict[str, str]:
    """The variables that are set once, in words without functions or other unknown ones.

    `?=` does not count: the environment may say something else.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for name, how, value in _ASSIGNMENT.findall(source):
        found.setdefault(name, []).append((how, value.partition(" #")[0].strip()))
    values: dict[str, str] = {}
    for name, settings in found.items():
        how, value = settings[0]
        if len(settings) > 1 or how in ("?", "+") or value.endswith("\\"):
            continue
        known = _REFERENCE.sub(lambda one: values.get(one[1], one[0]), value)
        if "$" not in known:
            values[name] = known
    return values


def _continues(line: str) -> bool:
    stripped = line.rstrip("\r")
    return (len(stripped) - len(stripped.rstrip("\\"))) % 2 == 1


def _inline(line: str) -> int | None:
    """Where the recipe of `target: ; command` begins; None if there is none."""
    position = line.find(";")
    return position + 1 if position >= 0 else None


def _command(snippet: Snippet, values: dict[str, str]) -> Snippet:
    """One recipe line as the shell gets it."""
    found = _PREFIX.match(snippet.text)
    skipped = found.end() if found else 0
    snippet = Snippet(snippet.text[skipped:], snippet.offsets[skipped:])
    position = 0
    while (position := snippet.text.find("$", position)) >= 0:
        after = snippet.text[position + 1 : position + 2]
        if after == "$":
            snippet = snippet.changed(position, position + 2, "$")
            position += 1
        elif after in ("(", "{"):
            end = _closing(snippet.text, position + 1)
            name = snippet.text[position + 2 : end - 1]
            value = values.get(name) or _unknown(name)
            snippet = snippet.changed(position, end, value)
            position += len(value)
        elif after and after in _AUTOMATIC:
            snippet = snippet.changed(position, position + 2, "${MAKE_TARGET}")
            position += len("${MAKE_TARGET}")
        else:
            position += 1
    return snippet


def _closing(text: str, start: int) -> int:
    """The end of the parenthesis or brace that opens here."""
    opening = text[start]
    closing = ")" if opening == "(" else "}"
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] == opening) - (text[index] == closing)
        if depth == 0:
            return index + 1
    return len(text)


def _unknown(name: str) -> str:
    """A shell variable for a variable or function of make."""
    plain = re.sub(r"\W", "_", name)
    return "${" + (plain if re.match(r"[A-Za-z_]", plain) else f"_{plain}") + "}"
