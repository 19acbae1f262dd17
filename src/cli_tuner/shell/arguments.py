"""A program's words sorted into options, each under one name with its argument, and operands.

`-la`, `-l -a` and `-a --format=long` have the same options where the table of options knows it;
`-n5`, `-n 5` and `--lines=5` too. What is not known stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cli_tuner.shell.options import Options, options_of
from cli_tuner.shell.template import SINGLE_DASH

_BEGINS = re.compile(r"--?[A-Za-z0-9#?@.]")
_NUMBER = re.compile(r"-\d+")
_COUNTS = frozenset({"head", "tail"})  # -5 is -n 5
_OLD_STYLE = frozenset({"tar"})  # the first word may be options without a dash


class Option(NamedTuple):
    """One option. `written` is as it stood there, without a long option's argument."""

    name: str
    value: str | None
    written: str

    @property
    def shown(self) -> str:
        """The one spelling."""
        return self.name if self.value is None else f"{self.name}={self.value}"


Argument = Option | str
"""An option, or the word of an operand."""


def arguments_of(path: tuple[str, ...], words: Sequence[str]) -> list[Argument]:
    """What the words after a program and its sub-commands are, in their order.

    `path` is the program with its sub-commands. Of a program that nothing is known of, every
    word is an operand.
    """
    table = options_of(path)
    if table is None:
        return list(words)
    own = list(words)
    if path[0] in _OLD_STYLE and own and own[0].isalpha():
        own[0] = f"-{own[0]}"
    return list(_sorted(path[0], own, table))


def _sorted(name: str, words: list[str], table: Options) -> Iterator[Argument]:
    waiting = iter(words)
    for word in waiting:
        if word == "--":
            yield word
            yield from waiting
        elif not _BEGINS.match(word):
            yield word
        elif name in _COUNTS and _NUMBER.fullmatch(word):
            yield Option("-n", word[1:], word)
        elif _NUMBER.fullmatch(word) and word[:2] not in table.names:
            yield Option(word, None, word)
        elif word.startswith("--") or _is_whole(name, word, table):
            yield _whole(word, waiting, table)
        else:
            yield from _cluster(word, waiting, table)


def _is_whole(name: str, word: str, table: Options) -> bool:
    return name in SINGLE_DASH or (len(word) > 2 and word.partition("=")[0] in table.names)


def _whole(word: str, waiting: Iterator[str], table: Options) -> Option:
    head, equals, value = word.partition("=")
    if equals:
        return Option(table.one_name(head), value, head)
    following = next(waiting, None) if head in table.takes else None
    return Option(table.one_name(head), following, head)


def _cluster(word: str, waiting: Iterator[str], table: Options) -> Iterator[Option]:
    for index, letter in enumerate(word[1:], start=2):
        option = f"-{letter}"
        if option in table.takes:
            value = word[index:] or next(waiting, None)
            yield Option(table.one_name(option), value, option)
            return
        if option in table.attaches:
            yield Option(table.one_name(option), word[index:] or None, option)
            return
        yield Option(table.one_name(option), None, option)
