"""The little language of phrases and of command templates.

A phrase is `(find|list) [all] files <over> {size}`: alternatives, optional parts, named parts
(macros) and slots. A command, a tree or an expectation has slots only, because every other sign
means something to bash: `find {dir=.} -size +{size}`. In both, `{size.bytes}` is another form of
the same value, and `{dir=.}` says what holds if the request does not mention the slot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cli_tuner.errors import IntentError

SLOT = re.compile(r"\{([a-z][a-z0-9_]*)(?:\.([a-z_]+))?(?:=([^{}]*))?\}")
DEPTH = 12


@dataclass(frozen=True)
class Text:
    """Words as they are."""

    text: str


@dataclass(frozen=True)
class Slot:
    """A place for a value. `default` is None if the request has to mention it."""

    name: str
    form: str = ""
    default: str | None = None


@dataclass(frozen=True)
class Choice:
    """One of several sequences; an optional part is a choice with an empty one."""

    options: tuple[Sequence, ...]


Node = Text | Slot | Choice
Sequence = tuple[Node, ...]


def slots_in(nodes: Sequence) -> Iterator[Slot]:
    """Every slot, in all alternatives."""
    for node in nodes:
        if isinstance(node, Slot):
            yield node
        elif isinstance(node, Choice):
            for option in node.options:
                yield from slots_in(option)


def certain_slots(nodes: Sequence) -> set[str]:
    """Names of the slots that every expansion of the phrase has."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, Slot):
            found.add(node.name)
        elif isinstance(node, Choice):
            found |= set.intersection(*(certain_slots(option) for option in node.options))
    return found


def times_said(nodes: Sequence, name: str) -> int:
    """How often an expansion of the phrase has the slot at most."""
    return sum(
        node.name == name if isinstance(node, Slot)
        else max(times_said(option, name) for option in node.options)
        for node in nodes
        if not isinstance(node, Text)
    )  # fmt: skip


def template(text: str, names: set[str]) -> Sequence:
    """A command or other text in which only `{name}` of a known name is a slot.

    So `awk '{print $1}'`, `${HOME}` and `find -exec wc {}` need no quoting.
    """
    nodes: list[Node] = []
    end = 0
    for found in SLOT.finditer(text):
        if found[1] in names and not text[: found.start()].endswith("$"):
            nodes.append(Text(text[end : found.start()]))
            nodes.append(Slot(found[1], found[2] or "", found[3]))
            end = found.end()
    nodes.append(Text(text[end:]))
    return tuple(node for node in nodes if node != Text(""))


def phrase(text: str, macros: Mapping[str, str]) -> Sequence:
    """A phrase as a tree. Raises IntentError for brackets that do not match or an unknown macro."""
    reader = _Reader(text, macros)
    nodes = reader.options("", 0)
    if reader.at < len(text):
        raise IntentError(f'phrase "{text}": "{text[reader.at]}" closes nothing')
    return nodes


class _Reader:
    def __init__(self, text: str, macros: Mapping[str, str]) -> None:
        self.text, self.macros, self.at = text, macros, 0

    def options(self, close: str, depth: int) -> Sequence:
        """Alternatives up to the closing sign, as one sequence."""
        found = [self._sequence(depth)]
        while self.at < len(self.text) and self.text[self.at] == "|":
            self.at += 1
            found.append(self._sequence(depth))
        if close:
            if self.at >= len(self.text) or self.text[self.at] != close:
                raise IntentError(f'phrase "{self.text}": "{close}" is missing')
            self.at += 1
        return found[0] if len(found) == 1 else (Choice(tuple(found)),)

    def _sequence(self, depth: int) -> Sequence:
        nodes: list[Node] = []
        words = ""
        while self.at < len(self.text) and self.text[self.at] not in "|)]":
            sign = self.text[self.at]
            if sign in "([<{":
                if words:
                    nodes.append(Text(words))
                    words = ""
                nodes.extend(self._part(sign, depth))
                continue
            if sign == "\\" and self.at + 1 < len(self.text):
                self.at += 1
            words += self.text[self.at]
            self.at += 1
        return (*nodes, Text(words)) if words else tuple(nodes)

    def _part(self, sign: str, depth: int) -> Sequence:
        if sign == "{":
            return self._slot()
        if sign == "<":
            return self._macro(depth)
        self.at += 1
        if sign == "(":
            return self.options(")", depth)
        return (Choice((self.options("]", depth), ())),)

    def _slot(self) -> Sequence:
        found = SLOT.match(self.text, self.at)
        if not found or found[3] is not None:
            raise IntentError(f'phrase "{self.text}": a slot is written {{name}} or {{name.form}}')
        self.at = found.end()
        return (Slot(found[1], found[2] or ""),)

    def _macro(self, depth: int) -> Sequence:
        end = self.text.find(">", self.at)
        name = self.text[self.at + 1 : end]
        if end < 0 or name not in self.macros:
            raise IntentError(f'phrase "{self.text}": no macro <{name}>')
        if depth >= DEPTH:
            raise IntentError(f'phrase "{self.text}": macro <{name}> contains itself')
        self.at = end + 1
        inner = _Reader(self.macros[name], self.macros)
        nodes = inner.options("", depth + 1)
        if inner.at < len(inner.text):
            raise IntentError(f'macro <{name}>: "{inner.text[inner.at]}" closes nothing')
        return nodes
