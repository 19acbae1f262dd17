"""The tokens of a command text as the parser cuts it: words whole, operators between them.

find . -name '*.c' 2>/dev/null | wc -l
find  .  -name  '*.c'  2>  /dev/null  |  wc  -l
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cli_tuner.shell.nodes import (
    Branch,
    Function,
    Group,
    Loop,
    Node,
    Pipeline,
    Range,
    Redirect,
    Sequence,
    Simple,
)
from cli_tuner.shell.parse import parse
from cli_tuner.shell.values import without_marks

_OPERATOR = re.compile(r"\d*(?:<<<|<<-?|>>|>\||<>|[<>]&|[<>])|&>>?|\|\||&&|\|&|;;|[;&|(){}!]|\S")
_WORDS = re.compile(r"[A-Za-z_]\w*=?")


def tokens_of(command: str) -> tuple[str, ...]:
    """The tokens; a text that the parser cannot read is cut at white space there."""
    text = without_marks(command)
    tokens: list[str] = []
    end = 0
    for span in sorted({(one.start, one.end) for one in _spans(parse(text))}):
        if span[0] < end:
            continue
        tokens += _between(text[end : span[0]])
        tokens.append(text[span[0] : span[1]])
        end = span[1]
    return (*tokens, *_between(text[end:]))


def _between(gap: str) -> Iterator[str]:
    for word in gap.split():
        if _WORDS.fullmatch(word):
            yield word  # if, do, time, an assignment's name
        else:
            yield from _OPERATOR.findall(word)


def _spans(node: Node) -> Iterator[Range]:
    """Where the words of a tree are; what is inside a word is not looked at."""
    match node:
        case Simple():
            yield from (word.span for word in node.words)
            yield from (one.span for one in node.assignments)
            yield from _targets(node.redirects)
        case Group():
            yield from _targets(node.redirects)
        case Branch() | Loop():
            yield from (word.span for word in node.words or ())
        case _:
            pass
    for child in _children(node):
        yield from _spans(child)


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Pipeline(stages=children) | Sequence(items=children) | Branch(bodies=children):
            return children
        case Loop(condition=None, body=body) | Group(body=body) | Function(body=body):
            return (body,)
        case Loop(condition=condition, body=body) if condition is not None:
            return (condition, body)
        case _:
            return ()


def _targets(redirects: tuple[Redirect, ...]) -> Iterator[Range]:
    yield from (one.target.span for one in redirects if not one.operator.startswith("<<"))
