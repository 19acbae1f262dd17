"""What a Bash text consists of: a small closed set of frozen nodes with character spans.

    Node = Sequence | Pipeline | Simple | Group | Branch | Loop | Function | Opaque
    Part = Lit | Param | CommandSub | ProcessSub | Arith

Whoever walks the tree handles these and nothing else. What the parser cannot read is `Opaque`,
never left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Range:
    """Half-open range of character offsets. Cheap; the record `Span` is made from it at the end."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Lit:
    """Literal characters. `quoted` ones are exempt from globs, braces, tilde and splitting."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Param:
    """`$name` or `${name op word}`. `op` is the operator text, "" for none."""

    name: str
    op: str = ""
    word: Word | None = None
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class CommandSub:
    """`$(...)` or backquotes."""

    body: Node
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class ProcessSub:
    """`<(...)` or `>(...)`."""

    body: Node
    reads: bool


@dataclass(frozen=True, slots=True)
class Arith:
    """`$((...))`: the text, and the expansions inside it."""

    text: str
    inner: Word | None = None
    quoted: bool = False


Part: TypeAlias = Lit | Param | CommandSub | ProcessSub | Arith


@dataclass(frozen=True, slots=True)
class Word:
    """One word before expansion. `raw` is how it is spelled in the text."""

    parts: tuple[Part, ...]
    span: Range
    raw: str

    @property
    def literal(self) -> str | None:
        """The word's text if it is one unquoted literal, as reserved words must be."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Lit) and not self.parts[0].quoted:
            return self.parts[0].text
        return None


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name=word`, `name+=word`, `name[subscript]=word` or `name=(words)`."""

    name: str
    words: tuple[Word, ...]
    appends: bool
    is_array: bool
    span: Range
    subscript: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """`fd op target`. For a here-document the target is its body."""

    operator: str
    target: Word
    fd: str
    span: Range


@dataclass(frozen=True, slots=True)
class Simple:
    """Assignments, words and redirections: one command."""

    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    span: Range


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`a | b`; each stage's output is the next one's input."""

    stages: tuple[Node, ...]
    span: Range


@dataclass(frozen=True, slots=True)
class Sequence:
    """Nodes in order. `separators[i]` follows `items[i]`: one of ; & && || or nothing."""

    items: tuple[Node, ...]
    separators: tuple[str, ...]
    span: Range


@dataclass(frozen=True, slots=True)
class Group:
    """`{ ... }` or, as a subshell, `( ... )`; also carries a compound's redirections.

    `coproc` is the array with the two ends of a command that runs beside.
    """

    body: Node
    redirects: tuple[Redirect, ...]
    subshell: bool
    span: Range
    coproc: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `case`, `[[ ]]`, `(( ))`: words that are looked at, bodies of which some may run."""

    words: tuple[Word, ...]
    bodies: tuple[Node, ...]
    span: Range


@dataclass(frozen=True, slots=True)
class Loop:
    """`for`, `select`, `while`, `until`. `words` None means the positional parameters."""

    kind: str
    variable: str | None
    words: tuple[Word, ...] | None
    condition: Node | None
    body: Node
    span: Range


@dataclass(frozen=True, slots=True)
class Function:
    """A definition. Its body runs when it is called."""

    name: str
    body: Node
    span: Range


@dataclass(frozen=True, slots=True)
class Opaque:
    """Text that was not understood, and why."""

    reason: str
    span: Range


Node: TypeAlias = Sequence | Pipeline | Simple | Group | Branch | Loop | Function | Opaque
