"""The commands of a GitHub workflow or action: the `run` of each step that bash or sh runs.

Format: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax. An
expression `${{ ... }}` is replaced by its value before the shell sees it: it becomes a variable of
the same length, an unknown text for the guard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cli_tuner.errors import DataError
from cli_tuner.lint.snippet import Snippet, joined

_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.S)
_OURS = re.compile(r"(ba)?sh\b")
_DEPTH_MAX = 12


def snippets_of(source: str) -> Iterator[Snippet]:
    """Each command of the file, in order. Raises DataError for what is no YAML."""
    import yaml

    try:
        root = yaml.compose(source, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise DataError(f"not valid YAML: {str(error).splitlines()[0]}") from error
    for run in _runs(root, True, 0):
        yield _without_expressions(_snippet(source, run))


def _runs(node: Any, ours: bool, depth: int) -> Iterator[Any]:
    """The scalars under `run` of steps, in order. `ours` is whether bash is the shell so far."""
    if depth > _DEPTH_MAX:
        return
    if node.__class__.__name__ == "SequenceNode":
        for item in node.value:
            yield from _runs(item, ours, depth + 1)
    elif node.__class__.__name__ == "MappingNode":
        fields = {key.value: value for key, value in node.value if isinstance(key.value, str)}
        ours = _shell_is_ours(fields, ours)
        for name, value in fields.items():
            if name == "run" and isinstance(value.value, str):
                if ours:
                    yield value
            elif name != "defaults":
                yield from _runs(value, ours, depth + 1)


def _shell_is_ours(fields: dict[str, Any], ours: bool) -> bool:
    """Whether what follows is run by bash or sh: by a step's `shell`, or by `defaults`."""
    shell = fields.get("shell")
    if shell is None and "defaults" in fields:
        run = dict(_fields(fields["defaults"])).get("run")
        shell = dict(_fields(run)).get("shell") if run is not None else None
    if shell is None or not isinstance(shell.value, str):
        return ours
    return _OURS.match(shell.value) is not None


def _fields(node: Any) -> list[tuple[str, Any]]:
    if node.__class__.__name__ != "MappingNode":
        return []
    return [(key.value, value) for key, value in node.value]


def _snippet(source: str, node: Any) -> Snippet:
    """The scalar's text with its places; of a folded or escaped one, all where it begins."""
    start, end = node.start_mark.index, node.end_mark.index
    if node.style == "|":
        return _literal(source, start, end, node.value)
    inner = start + (1 if node.style in ("'", '"') else 0)
    if source.startswith(node.value, inner):
        return Snippet.cut(source, inner, inner + len(node.value))
    return Snippet(node.value, (inner,) * len(node.value))


def _literal(source: str, start: int, end: int, value: str) -> Snippet:
    """A block: its lines stand in the file as they are, behind their indentation."""
    position = source.find("\n", start) + 1
    pieces = []
    for line in value.splitlines(keepends=True):
        stop = source.find("\n", position)
        stop = end if stop < 0 else stop
        text = line.rstrip("\n")
        begin = max(position, stop - len(text) - (source[stop - 1 : stop] == "\r"))
        if source[begin : begin + len(text)] != text:
            return Snippet(value, (start,) * len(value))
        pieces.append(Snippet(line, (*range(begin, begin + len(text)), stop)[: len(line)]))
        position = stop + 1
    return joined(pieces)


def _without_expressions(snippet: Snippet) -> Snippet:
    for found in reversed(list(_EXPRESSION.finditer(snippet.text))):
        name = "_" * (found.end() - found.start() - 3)
        snippet = snippet.changed(found.start(), found.end(), "${" + name + "}")
    return snippet
