"""What nodes look like from outside: which commands they name, whether they end or wait."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.shell.nodes import (
    Arith,
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
        text = _arithmetic_of(node)
        return text is not None and text.strip().isdigit() and int(text) != 0
    return bool(names) and all(name in _TRUE for name in names)


def endless_for(node: Loop) -> bool:
    """Whether `for (( a; b; c ))` has no b, or one that always holds."""
    text = _arithmetic_of(node.condition)
    test = text.split(";")[1].strip() if text is not None and text.count(";") == 2 else "0"
    return not test or (test.isdigit() and int(test) != 0)


def _arithmetic_of(node: Node | None) -> str | None:
    """The text of `(( ))`."""
    if not isinstance(node, Branch) or len(node.words) != 1 or len(node.words[0].parts) != 1:
        return None
    part = node.words[0].parts[0]
    return part.text if isinstance(part, Arith) else None


def grows(assignment: Assignment) -> bool:
    """Whether a variable gets longer each time: it holds itself twice."""
    raw = "".join(word.raw for word in assignment.words)
    again = re.findall(rf"\$\{{?{re.escape(assignment.name)}\b", raw)
    return "$((" not in raw and len(again) + assignment.appends > 1


_UNCOUNTED = 1_000_000
_UP_TO = re.compile(r"\{\d+\.\.(\d+)(?:\.\.\d+)?\}|\bseq\s+(?:-\S+\s+)*(?:\d+\s+){0,2}(\d+)\s*\)")


def uncounted(node: Loop) -> bool:
    """Whether it goes round so often that nobody waits for its end."""
    text = _arithmetic_of(node.condition)
    if text is not None and text.count(";") == 2:
        bounds = re.findall(r"[<>]=?\s*(\d+)", text.split(";")[1])
    else:
        found = [match for word in node.words or () for match in _UP_TO.findall(word.raw)]
        bounds = [one or other for one, other in found]
    return any(int(bound[:12]) >= _UNCOUNTED for bound in bounds)


def gathered(assignment: Assignment) -> bool:
    """Whether the variable becomes longer: `x+=y`, `x="$x y"` of a lower-case name."""
    again = re.compile(rf"\$\{{?{re.escape(assignment.name)}\b")
    longer = assignment.appends or any(again.search(word.raw) for word in assignment.words)
    return longer and assignment.name.islower()


def gathers(node: Node) -> bool:
    """Whether it makes a variable longer by something that differs each time."""
    if isinstance(node, Simple):
        return any(gathered(item) for item in node.assignments)
    if isinstance(node, Sequence):
        return any(gathers(item) for item in node.items)
    return isinstance(node, Group) and gathers(node.body)


def pauses(node: Node) -> bool:
    """Whether something in the foreground waits or leaves the loop."""
    if isinstance(node, Sequence):
        pairs = zip(node.items, node.separators, strict=True)
        return any(pauses(item) for item, separator in pairs if separator != "&")
    if isinstance(node, Group):
        return pauses(node.body)
    return not _PAUSES.isdisjoint(names_in(node))
