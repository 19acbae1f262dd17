"""A whole command: every part of it, what it would do, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cli_tuner.explain.command import Help, parts_of_words
from cli_tuner.explain.part import Part, Role, Source
from cli_tuner.explain.redirections import redirected
from cli_tuner.explain.syntax import TESTS, Layout, Place, gaps
from cli_tuner.explain.values import notes_on, plain, short, shown
from cli_tuner.guard import Policy, check
from cli_tuner.records.verdict import Safety, Verdict
from cli_tuner.shell.nodes import (
    Arith,
    Assignment,
    Branch,
    CommandSub,
    Function,
    Group,
    Lit,
    Loop,
    Node,
    Opaque,
    Param,
    Pipeline,
    ProcessSub,
    Redirect,
    Sequence,
    Simple,
    Word,
)
from cli_tuner.shell.parse import parse
from cli_tuner.shell.values import without_marks

_NESTED_MAX = 8
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})


class Explanation(NamedTuple):
    """The parts in the order of the text, nested ones after what holds them, and the verdict."""

    command: str
    parts: tuple[Part, ...]
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """The document of `explain --json`, without a schema version."""
        return {
            "command": self.command,
            "parts": [
                {
                    "start": part.start,
                    "end": part.end,
                    "text": self.command[part.start : part.end],
                    "depth": part.depth,
                    "role": part.role.value,
                    "meaning": part.meaning,
                    "source": part.source.value,
                }
                for part in self.parts
            ],
            "verdict": self.verdict.as_json(),
        }


def explanation(
    command: str,
    *,
    safety: Safety = Safety.MODERATE,
    policy: Policy | None = None,
    help_of: Help | None = None,
) -> Explanation:
    """What a command's parts do. Runs nothing, unless `help_of` does. Never raises for any text."""
    walker = _Walker(command, help_of or _no_help)
    try:
        parts = list(walker.node(parse(without_marks(command)), 0))
    except RecursionError:
        parts = []
    layout = Layout(walker.places, walker.names)
    between = [
        part
        for place in (Place(0, len(command), 0), *walker.bodies)
        for part in gaps(command, parts, layout, place)
    ]
    whole = sorted(
        [*parts, *between],
        key=lambda part: (part.start, -part.end, part.depth),
    )
    return Explanation(command, tuple(whole), check(command, safety=safety, policy=policy))


def _no_help(_: str) -> dict[str, str]:
    return {}


class _Walker:
    """Goes through the nodes in the order of the text."""

    def __init__(self, text: str, help_of: Help) -> None:
        self._text = text
        self._help_of = help_of
        self.names: set[str] = set()
        self.places: list[Place] = []
        self.bodies: list[Place] = []

    def node(self, node: Node, depth: int) -> Iterator[Part]:
        """The parts of one node and of what is in it."""
        if not isinstance(node, Sequence):
            self.places.append(Place(node.span.start, node.span.end, depth))
        if isinstance(node, Simple):
            yield from self._simple(node, depth)
        elif isinstance(node, Sequence):
            for item in node.items:
                yield from self.node(item, depth)
        elif isinstance(node, Pipeline):
            for stage in node.stages:
                yield from self.node(stage, depth)
        elif isinstance(node, Group):
            yield from self.node(node.body, depth + (1 if node.subshell else 0))
            yield from self._redirects(node.redirects, depth)
        elif isinstance(node, Opaque):
            yield self._part(node.span.start, node.span.end, depth, f"not valid: {node.reason}")
        else:
            yield from self._compound(node, depth)

    def _compound(self, node: Branch | Loop | Function, depth: int) -> Iterator[Part]:
        if isinstance(node, Function):
            self.names.add(node.name)
            yield from self.node(node.body, depth + 1)
            return
        if isinstance(node, Loop) and node.variable is not None:
            self.names.add(node.variable)
        for word in node.words or ():
            yield from self._looked_at(word, depth + 1)
        if isinstance(node, Branch):
            for body in node.bodies:
                yield from self.node(body, depth + 1)
            return
        if node.condition is not None:
            yield from self.node(node.condition, depth + 1)
        yield from self.node(node.body, depth + 1)

    def _looked_at(self, word: Word, depth: int) -> Iterator[Part]:
        """A word that a compound looks at: of a list, a pattern, a test or a sum."""
        notes = notes_on(word)
        meaning = TESTS.get(plain(word), f"what is looked at: {short(shown(word))}")
        meaning = f"{meaning} ({notes})" if notes else meaning
        yield Part(word.span.start, word.span.end, depth, Role.OPERAND, meaning, Source.SYNTAX)
        yield from self._inside(word, depth + 1)

    def _simple(self, node: Simple, depth: int) -> Iterator[Part]:
        for assignment in node.assignments:
            yield from self._assignment(assignment, depth, bool(node.words))
        yield from parts_of_words(node.words, depth, self._help_of)
        for word in node.words:
            yield from self._inside(word, depth + 1)
        yield from self._code(node.words, depth)
        yield from self._redirects(node.redirects, depth + 1)

    def _assignment(self, node: Assignment, depth: int, for_one: bool) -> Iterator[Part]:
        value = short(" ".join(shown(word) for word in node.words))
        how = "adds" if node.appends else "sets"
        joint = "to" if not node.appends else ":"
        whom = ", for this command alone" if for_one else ""
        what = f"the list {node.name}" if node.is_array else f"the variable {node.name}"
        notes = "; ".join(filter(None, (notes_on(word) for word in node.words)))
        meaning = f"{how} {what} {joint} {value or 'nothing'}{whom}".replace(" : ", ": ")
        meaning = f"{meaning} ({notes})" if notes else meaning
        span = node.span
        yield Part(span.start, span.end, depth, Role.ASSIGNMENT, meaning, Source.SYNTAX)
        for word in node.words:
            yield from self._inside(word, depth + 1)

    def _redirects(self, redirects: tuple[Redirect, ...], depth: int) -> Iterator[Part]:
        for node in redirects:
            yield Part(
                node.span.start,
                node.span.end,
                depth,
                Role.REDIRECT,
                redirected(node),
                Source.SYNTAX,
            )
            if node.operator in ("<<", "<<-"):
                span = node.target.span
                yield Part(span.start, span.end, depth, Role.OPERAND, "that text", Source.SYNTAX)
            yield from self._inside(node.target, depth + 1)

    def _inside(self, word: Word, depth: int) -> Iterator[Part]:
        """The commands within a word."""
        for part in word.parts:
            if isinstance(part, (CommandSub, ProcessSub)) and depth < _NESTED_MAX:
                span = part.body.span
                self.bodies.append(Place(span.start, span.end, depth))
                self.places.append(self.bodies[-1])
                yield from self.node(part.body, depth)
            elif isinstance(part, Param) and part.word is not None:
                yield from self._inside(part.word, depth)
            elif isinstance(part, Arith) and part.inner is not None:
                yield from self._inside(part.inner, depth)

    def _code(self, words: tuple[Word, ...], depth: int) -> Iterator[Part]:
        """The commands within `bash -c '...'`, if the text is there as it is written."""
        names = [plain(word).rpartition("/")[2] for word in words]
        start = next((i for i, name in enumerate(names) if name in _SHELLS), None)
        if start is None or depth >= _NESTED_MAX:
            return
        for option, word in zip(words[start + 1 :], words[start + 2 :], strict=False):
            if plain(option).startswith("-") and plain(option).endswith("c"):
                inner = word.raw[1:-1]
                whole = all(isinstance(part, Lit) for part in word.parts)
                if whole and word.raw[:1] in "'\"" and plain(word) == inner:
                    walker = _Walker(inner, self._help_of)
                    for part in walker.node(parse(inner), 0):
                        yield part.moved(word.span.start + 1, depth + 2)
                return

    def _part(self, start: int, end: int, depth: int, meaning: str) -> Part:
        return Part(start, end, depth, Role.UNKNOWN, meaning, Source.SYNTAX)
