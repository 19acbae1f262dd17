"""Texts that Bash expands a second time: prompts, arithmetic, subscripts.

    x='$(id)'; : "${x@P}"        i='a[$(id)]'; (( i ))        [[ -v 'a[$(id)]' ]]

all run `id`, although no word of them says so. A name in arithmetic stands for its value, which is
arithmetic again, and the subscripts in it are expanded like text in double quotes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from cli_tuner.shell.nodes import Word
from cli_tuner.shell.values import EMPTY, HOLE, Value

if TYPE_CHECKING:
    from cli_tuner.shell.scope import Scope

_NAME = re.compile(r"(?<![\w#])[A-Za-z_]\w*(?:\[(?:[^\[\]]|\[[^\]]*\])*\])?", re.A)
_SUBSCRIPT = re.compile(r"\w\[((?:[^\[\]]|\[[^\]]*\])*)\]", re.A)
_CHANGES = re.compile(r"\+\+|--|(?<![<>=!])=(?!=)")
_COMPARES = frozenset({"-v", "-eq", "-ne", "-lt", "-le", "-gt", "-ge"})
_DEPTH_MAX = 6
_TEXT_MAX = 2_000


def expanded_again(value: Value, scope: Scope) -> Value:
    """The value, expanded as text in double quotes; what cannot be read is unknown."""
    from cli_tuner.shell.parse import quoted_word
    from cli_tuner.shell.words import text_of

    joined: Value | None = None
    for text in value.texts:
        if "$" not in text and "`" not in text:
            found = Value((text,), value.taints, value.source)
        else:
            word = quoted_word(text)
            found = text_of(word, scope, tilde=False) if word is not None else Value((HOLE,))
        joined = found if joined is None else joined.joined(found)
    return joined if joined is not None else EMPTY


def number_of(text: str, scope: Scope, depth: int = 0) -> int | None:
    """What the arithmetic comes to, or None; commands in its subscripts are run on the way."""
    text = text.strip()
    if text.isdigit():
        return _constant(text)
    if depth > _DEPTH_MAX or len(text) > _TEXT_MAX:
        return None
    for match in _SUBSCRIPT.finditer(text):
        if "$" in match[1] or "`" in match[1]:
            expanded_again(Value((match[1],)), scope)
    unknown = bool(_CHANGES.search(text))

    def one(match: re.Match[str]) -> str:
        nonlocal unknown
        value = None if "$" in match[0] or "`" in match[0] else scope.lookup(match[0])
        number = number_of(value.text, scope, depth + 1) if value is not None else None
        # In a loop a name has another value each time round.
        unknown = unknown or number is None or scope.looping > 0
        return f"({number})"

    replaced = _NAME.sub(one, text)
    if unknown:
        return None
    try:
        return _calculated(ast.parse(replaced.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _constant(digits: str) -> int | None:
    if digits[0] != "0":
        return int(digits)
    return None if set(digits) & set("89") else int(digits, 8)


def _calculated(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_calculated(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _calculated(node.left), _calculated(node.right)
        operations: dict[type[ast.operator], Callable[[], int]] = {
            ast.Add: lambda: left + right,
            ast.Sub: lambda: left - right,
            ast.Mult: lambda: left * right,
            ast.Div: lambda: left // right if right else 0,
            ast.Mod: lambda: left % right if right else 0,
        }
        if type(node.op) in operations and max(abs(left), abs(right)) < 2**40:
            return operations[type(node.op)]()
    raise ValueError("not a constant")


def tested(words: Iterable[Word], scope: Scope) -> None:
    """What `[[ ]]` evaluates: its words, and as arithmetic what it compares as numbers."""
    from cli_tuner.shell.words import text_of

    words = list(words)
    numeric = any(word.literal in _COMPARES for word in words)
    for word in words:
        value = text_of(word, scope)
        if numeric and word.literal is None:
            for text in value.texts:
                number_of(text, scope)
        elif numeric and word.literal in scope.variables:
            number_of(word.literal, scope)
