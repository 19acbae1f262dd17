"""What nodes look like from outside: which commands they name, whether they end or wait."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.shell.nodes import (
    Assignment,
    Branch,
    Function,
    Group,
    Loop,
    Node,
    Pipeline,
    Sequence,
    Simple,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAUSES = frozenset({"sleep", "read", "wait", "inotifywait", "break", "exit", "nc", "ncat", "ssh"})
_TRUE = frozenset({"true", ":", "echo", "sleep", "1"})


def names_in(node: Node) -> Iterator[str]:
    """The literal command names in a node, without looking into substitutions."""
    if isinstance(node, Simple):
        if node.words and node.words[0].literal:
            yield node.words[0].literal
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from names_in(item)
    elif isinstance(node, Pipeline):
        for stage in node.stages:
            yield from names_in(stage)
    elif isinstance(node, Group | Loop | Function):
        yield from names_in(node.body)
    elif isinstance(node, Branch):
        for body in node.bodies:
            yield from names_in(body)


def always_true(node: Node) -> bool:
    """Whether it succeeds each time, as far as the names tell."""
    names = list(names_in(node))
    if isinstance(node, Branch) and not node.bodies:
        return not node.words
    return bool(names) and all(name in _TRUE for name in names)


def grows(assignment: Assignment) -> bool:
    """Whether a variable gets longer each time: it holds itself twice."""
    raw = "".join(word.raw for word in assignment.words)
    again = re.findall(rf"\$\{{?{re.escape(assignment.name)}\b", raw)
    return "$((" not in raw and len(again) + assignment.appends > 1


def pauses(node: Node) -> bool:
    """Whether something in the foreground waits or leaves the loop."""
    if isinstance(node, Sequence):
        pairs = zip(node.items, node.separators, strict=True)
        return any(pauses(item) for item, separator in pairs if separator != "&")
    if isinstance(node, Group):
        return pauses(node.body)
    return not _PAUSES.isdisjoint(names_in(node))
