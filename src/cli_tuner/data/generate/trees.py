"""The file tree of one request: its intent's lines with the request's values in place."""

from __future__ import annotations

from cli_tuner.data.generate.render import Rendered
from cli_tuner.sandbox import Entry, FileTree
from cli_tuner.sandbox.tree import entry


def tree_of(made: Rendered) -> FileTree:
    """Later lines replace earlier ones of the same path."""
    found: dict[str, Entry] = {}
    for line in made.intent.tree:
        one = tree_line(made.fill(line))
        found[one.path] = one
    return FileTree(
        tuple(found.values()),
        tuple(made.fill(text) for text in made.intent.setup),
        tuple(made.fill(text) for text in made.intent.each),
    )


def tree_line(line: str) -> Entry:
    """`path [SIZE] [@AGE] [MODE] [| content]`; the content ends with a newline and may have more
    as `\\n`, and tabs as `\\t`."""
    head, bar, content = line.partition(" | ")
    if not bar:
        return entry(line)
    text = content.replace("\\n", "\n").replace("\\t", "\t")
    return entry(head, text + "\n")
