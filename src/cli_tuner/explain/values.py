"""A word of a command as people read it, and what a description makes of it."""

from __future__ import annotations

import re

from cli_tuner.shell.nodes import Arith, CommandSub, Lit, Param, ProcessSub, Word

_PLACE = re.compile(r"\{(n|size|type|mode|)\}")
_UNITS = {"c": "bytes", "w": "words of 2 bytes", "b": "blocks of 512 bytes"}
_SIZES = {"k": "KiB", "M": "MiB", "G": "GiB"}
_TYPES = {
    "f": "files",
    "d": "folders",
    "l": "symbolic links",
    "p": "named pipes",
    "s": "sockets",
    "b": "block devices",
    "c": "character devices",
}
_NUMBER = re.compile(r"([+-]?)(\d+)([a-zA-Z]*)")
_SHOWN = 60


def plain(word: Word) -> str:
    """The word without its quotes; what is not known before it runs, as it is written."""
    return "".join(_plain(part) for part in word.parts)


def shown(word: Word) -> str:
    """The word as a description names it."""
    if len(word.parts) == 1 and isinstance(word.parts[0], CommandSub):
        return "what the command in $(...) prints"
    if len(word.parts) == 1 and isinstance(word.parts[0], ProcessSub):
        reads = word.parts[0].reads
        return "what the command in <(...) prints" if reads else "the command in >(...)"
    return plain(word)


def _plain(part: Lit | Param | CommandSub | ProcessSub | Arith) -> str:
    if isinstance(part, Lit):
        return part.text
    if isinstance(part, Param):
        return f"${part.name}" if not part.op else f"${{{part.name}{part.op}...}}"
    if isinstance(part, Arith):
        return f"$(({part.text}))"
    if isinstance(part, ProcessSub):
        return "<(...)" if part.reads else ">(...)"
    return "$(...)"


def short(text: str) -> str:
    """A text that fits into a sentence."""
    shown = " ".join(text.split())
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"


def filled(description: str, value: str) -> str:
    """The description with a value at its places."""
    return _PLACE.sub(lambda place: _FORMS[place[1]](value), description)


def _amount(value: str) -> str:
    """`+7` is "more than 7", `-7` "less than 7", `7` "exactly 7"."""
    found = _NUMBER.fullmatch(value)
    if found is None:
        return short(value)
    word = {"+": "more than ", "-": "less than ", "": "exactly "}[found[1]]
    return f"{word}{found[2]}{found[3]}"


def _size(value: str) -> str:
    found = _NUMBER.fullmatch(value)
    if found is None:
        return short(value)
    unit = _SIZES.get(found[3]) or _UNITS.get(found[3] or "b", found[3])
    return f"{_amount(found[1] + found[2])} {unit}"


def _kinds(value: str) -> str:
    return " and ".join(_TYPES.get(letter, letter) for letter in value.split(","))


def _mode(value: str) -> str:
    """`755` is "755 (rwxr-xr-x)"; a symbolic mode says itself what it does."""
    if not re.fullmatch(r"0?[0-7]{3}", value):
        return short(value)
    bits = int(value, 8)
    letters = "".join(
        letter if bits >> (8 - index) & 1 else "-" for index, letter in enumerate("rwxrwxrwx")
    )
    return f"{value} ({letters})"


_FORMS = {"": short, "n": _amount, "size": _size, "type": _kinds, "mode": _mode}


def notes_on(word: Word) -> str:
    """What the shell makes of a word before the program sees it; empty if nothing."""
    notes: list[str] = []
    if shown(word) != plain(word):
        return ""  # the description says it
    for index, part in enumerate(word.parts):
        if isinstance(part, Param):
            notes.append(_parameter(part))
        elif isinstance(part, CommandSub):
            notes.append("$(...) is replaced by what the command inside it prints")
        elif isinstance(part, ProcessSub):
            notes.append(
                "<(...) is a file with what the command inside it prints"
                if part.reads
                else ">(...) is a file whose content the command inside it gets"
            )
        elif isinstance(part, Arith):
            notes.append(f"$((...)) is the result of {short(part.text)}")
        elif not part.quoted:
            notes += _unquoted(part.text, first=index == 0)
    return "; ".join(dict.fromkeys(notes))


_NAMED = {
    "?": "the status of the last command",
    "$": "the number of this shell's process",
    "!": "the number of the last background process",
    "#": "how many arguments there are",
    "@": "all arguments",
    "*": "all arguments",
    "0": "the script's name",
    "HOME": "your home folder",
    "PWD": "the current folder",
    "USER": "your user name",
    "PATH": "where programs are looked for",
}
_OPERATORS = {
    ":-": "or another value if it is empty",
    "-": "or another value if it is not set",
    ":=": "set to another value if it is empty",
    ":?": "or an error if it is empty",
    "?": "or an error if it is not set",
    ":+": "replaced if it is not empty",
    "+": "replaced if it is set",
    "##": "without the longest fitting beginning",
    "#": "without the fitting beginning",
    "%%": "without the longest fitting end",
    "%": "without the fitting end",
    "//": "with every match replaced",
    "/": "with the first match replaced",
    "^^": "in upper case",
    ",,": "in lower case",
    ":": "a part of it",
}


def _parameter(part: Param) -> str:
    meaning = _NAMED.get(part.name)
    if meaning is None and part.name.isdecimal():
        meaning = f"argument {part.name}"
    meaning = meaning or "the value of this variable"
    how = next((text for op, text in _OPERATORS.items() if part.op.startswith(op)), "")
    return f"${part.name} is {meaning}" + (f", {how}" if how else "")


def _unquoted(text: str, *, first: bool) -> list[str]:
    notes = []
    if first and re.match(r"~(/|$)", text):
        notes.append("~ is your home folder")
    elif first and text.startswith("~"):
        notes.append("~name is the home folder of that user")
    if "**" in text:
        notes.append("** stands for any folders below")
    elif "*" in text:
        notes.append("* stands for any characters of a name")
    if "?" in text:
        notes.append("? stands for one character")
    if re.search(r"\[[^]]+\]", text):
        notes.append("[...] stands for one of these characters")
    if re.search(r"\{[^{}]*(,|\.\.)[^{}]*\}", text):
        notes.append("{...} makes several words")
    return notes
