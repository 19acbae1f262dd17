"""The shell's own signs and words, and where they stand between the parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from cli_tuner.explain.part import Part, Role, Source


class Place(NamedTuple):
    """A half-open range of characters that one node takes, and how deep it is nested."""

    start: int
    end: int
    depth: int


_SYNTAX = {
    "&&": "what follows runs only if this succeeded",
    "||": "what follows runs only if this failed",
    ";": "then",
    "&": "in the background; what follows does not wait for it",
    "|": "its output is the input of what follows",
    "|&": "its output and its errors are the input of what follows",
    "!": "the opposite result: success if it failed",
    "time": "says how long what follows took",
    "(": "in a shell of its own:",
    ")": "the end of that",
    "{": "together:",
    "}": "the end of that",
    "if": "if what follows succeeds",
    "then": "then this runs",
    "elif": "otherwise, if this succeeds",
    "else": "otherwise this runs",
    "fi": "the end of the choice",
    "for": "for each of several words",
    "select": "lets a person choose one of several words",
    "in": "of these:",
    "while": "as long as what follows succeeds",
    "until": "as long as what follows fails",
    "do": "this is done each time",
    "done": "the end of the loop",
    "case": "compares a word with patterns",
    "esac": "the end of the comparison",
    ";;": "the end of this case",
    "[[": "tests:",
    "]]": "the end of the test",
    "((": "calculates:",
    "))": "the end of the calculation",
    "function": "defines a function",
    "coproc": "runs beside this shell",
    "\n": "then",
}
_TOKEN = re.compile(r"#[^\n]*|\n|\|&|&&|\|\||;;|\[\[|\]\]|\(\(|\)\)|[;&|!(){}]|[^\s;&|!(){}]+")
_IN_TEST = {"&&": "and", "||": "or", "!": "not", "(": "together:", ")": "the end of that"}

TESTS = {
    "-f": "is a file",
    "-d": "is a folder",
    "-e": "exists",
    "-L": "is a symbolic link",
    "-r": "can be read",
    "-w": "can be written",
    "-x": "can be run",
    "-s": "is not empty",
    "-z": "is an empty text",
    "-n": "is not an empty text",
    "-v": "is a variable that is set",
    "-eq": "is the same number as",
    "-ne": "is another number than",
    "-lt": "is less than",
    "-le": "is at most",
    "-gt": "is greater than",
    "-ge": "is at least",
    "-nt": "is newer than",
    "-ot": "is older than",
    "=": "is the same text as",
    "==": "fits",
    "!=": "does not fit",
    "=~": "fits the regular expression",
}


class Layout(NamedTuple):
    """Where nodes stand in a text, and the names that it gives to variables and functions."""

    places: list[Place]
    names: set[str]


def gaps(text: str, parts: list[Part], layout: Layout, within: Place) -> Iterator[Part]:
    """A part for everything within a place that no part there covers.

    These are operators, reserved words, names and remarks.
    """
    start, stop, _ = within
    covered = bytearray(len(text))
    for part in parts:
        if start <= part.start and part.end <= stop:
            covered[part.start : part.end] = b"\1" * (part.end - part.start)
    position = start
    while position < stop:
        found = None if covered[position] else _TOKEN.match(text, position, stop)
        if found is None:
            position += 1
            continue
        end = found.end()
        while end > position + 1 and any(covered[position:end]):
            end -= 1
        sign = text[position:end]
        if sign != "\n" or _separates(text, position, covered):
            around = _around(position, layout.places)
            meaning = _meaning_of(sign, layout.names, text[around.start : around.start + 2])
            yield Part(position, end, around.depth, Role.SYNTAX, meaning, Source.SYNTAX)
        position = end


def _around(position: int, places: list[Place]) -> Place:
    """The innermost place that holds the position; if none does, the top."""
    holding = [place for place in places if place.start <= position < place.end]
    return min(holding, key=lambda place: place.end - place.start, default=Place(0, 0, 0))


def _separates(text: str, position: int, covered: bytearray) -> bool:
    """Whether a line break ends a command: not white space, and not where a here-text begins."""
    if not position or not covered[position - 1] or not text[position:].strip():
        return False
    return position + 1 >= len(text) or "<<" not in text[:position].rpartition("\n")[2]


def _meaning_of(sign: str, names: set[str], opening: str) -> str:
    if sign.startswith("#"):
        return "a remark; it does nothing"
    if opening == "[[" and sign in _IN_TEST:
        return _IN_TEST[sign]
    if sign in names:
        return f"under the name {sign}"
    return _SYNTAX.get(sign, "part of the shell's syntax")
