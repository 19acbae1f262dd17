"""A misspelled command, corrected without a model: names of programs, sub-commands, options.

Only what is one slip away from what is known to exist is proposed: `gti status` is `git status`.
What is proposed is a text like any other; the guard judges it before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import SequenceMatcher

from cli_tuner.explain.facts import Known, known, known_names
from cli_tuner.explain.values import plain
from cli_tuner.shell.nodes import Node, Pipeline, Sequence, Simple, Word
from cli_tuner.shell.parse import parse

Exists = Callable[[str], bool]
"""Whether a program of this name is installed."""

_CLOSE = 0.7
_SLIPS_MAX = 3


def corrected(command: str, exists: Exists, installed: Iterable[str] = ()) -> str | None:
    """The command with its misspelled words replaced, or None if there is none to be seen.

    `installed` are names of programs beside those that are described.
    """
    names = (*known_names(), *installed)
    text = command
    for _ in range(_SLIPS_MAX):
        slips = (_slip(simple, exists, names) for simple in _simples(text))
        found = next((slip for slip in slips if slip is not None), None)
        if found is None:
            break
        word, better = found
        text = text[: word.span.start] + better + text[word.span.end :]
    return None if text == command else text


def _simples(command: str) -> Iterable[Simple]:
    """The commands at the top of the text: those in its lists and pipelines."""
    waiting: list[Node] = [parse(command)]
    found: list[Simple] = []
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, Sequence):
            waiting += node.items
        elif isinstance(node, Pipeline):
            waiting += node.stages
        elif isinstance(node, Simple) and node.words:
            found.append(node)
    return found


def _slip(node: Simple, exists: Exists, names: tuple[str, ...]) -> tuple[Word, str] | None:
    words = node.words
    start = 0
    while start < len(words) - 1 and plain(words[start]) in ("sudo", "time", "nohup", "command"):
        start += 1
    first = words[start]
    name = plain(first)
    if "/" in name or "$" in name:
        return None
    if not exists(name) and known(name) is None:
        near = nearest(name, (other for other in names if exists(other)))
        return (first, near) if near else None
    found = known(name)
    return _slip_in_arguments(list(words[start + 1 :]), found) if found is not None else None


def _slip_in_arguments(words: list[Word], found: Known) -> tuple[Word, str] | None:
    for word in words:
        text = plain(word)
        head = text.partition("=")[0]
        spelled = word.raw.startswith(head)
        if spelled and head.startswith("--") and len(head) > 3 and found.option(head) is None:
            names = (name for name in found.options if name.startswith("--"))
            near = nearest(head, names)
            if near:
                return word, near + word.raw[len(head) :]
        elif found.subs and not text.startswith("-"):
            if text in found.subs:
                inner = found.subs[text]
                merged = inner._replace(options={**found.options, **inner.options})
                return _slip_in_arguments(words[words.index(word) + 1 :], merged)
            near = nearest(text, found.subs)
            return (word, near) if near else None
    return None


def nearest(text: str, names: Iterable[str]) -> str | None:
    """The name that a slip of the fingers away from the text; None if there is no clear one."""
    best: list[tuple[float, str]] = []
    for name in set(names):
        if abs(len(name) - len(text)) <= 2 and name != text:
            ratio = SequenceMatcher(None, text, name).ratio()
            if sorted(text) == sorted(name):
                ratio = max(ratio, 0.95)  # two letters changed places
            if ratio >= _CLOSE:
                best.append((ratio, name))
    best.sort(reverse=True)
    if not best or (len(best) > 1 and best[0][0] == best[1][0]):
        return None
    return best[0][1]
