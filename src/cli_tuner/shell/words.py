"""From words to fields: what Bash's expansions make of a word, as far as the text decides it.

Covered: braces, tilde, parameters with all common operators, command substitution (the
interpreter runs it abstractly), arithmetic on constants, word splitting with a known IFS,
globs (kept as marks). Not covered: arrays beyond "all elements", `${X@op}`, locale.
"""

from __future__ import annotations

import ast
import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from cli_tuner.shell.nodes import (
    Arith,
    CommandSub,
    Lit,
    Node,
    Param,
    Part,
    ProcessSub,
    Range,
    Word,
)
from cli_tuner.shell.values import (
    CWD,
    EMPTY,
    HOLE,
    HOME,
    QUERY,
    STAR,
    UNKNOWN,
    Value,
    concatenated,
    from_environment,
    known,
)

BRACES_MAX = 64
_BRACKET = re.compile(r"\[[^\]/]+\]")
_SEQUENCE = re.compile(r"(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(?:\.\.(-?\d+))?")
_SLICE = re.compile(r"\s*(-?\d+)\s*(?::\s*(-?\d+)\s*)?")

# Variables that every shell has and whose value, or first character, is a fact.
USUAL = {
    "HOME": known(HOME),
    "PWD": known(CWD),
    "IFS": known(" \t\n"),
    "TMPDIR": known("/tmp"),  # noqa: S108  what the variable usually holds
    "SHELL": known("/bin/bash"),
    "BASH": known("/bin/bash"),
    "PATH": known("/usr/local/bin:/usr/bin:/bin" + HOLE),
    "OSTYPE": known("linux-gnu"),
    "0": Value(("bash",), frozenset({"self"})),
    "XDG_CONFIG_HOME": known(HOME + "/.config"),
    "XDG_CACHE_HOME": known(HOME + "/.cache"),
    "XDG_DATA_HOME": known(HOME + "/.local/share"),
    "BASH_SOURCE": known("./" + HOLE),
}


@dataclass(slots=True)
class Field:
    """One argument after expansion, and the word it came from."""

    value: Value
    span: Range
    raw: str

    @property
    def text(self) -> str:
        """The first possibility."""
        return self.value.texts[0]


@dataclass(slots=True)
class Scope:
    """What expansion may look up. The interpreter supplies the two callbacks."""

    substitute: Callable[[Node], Value]
    process: Callable[[ProcessSub], Value]
    variables: dict[str, Value] = field(default_factory=dict)
    positional: tuple[Value, ...] | None = None

    def lookup(self, name: str) -> Value | None:
        """A variable's value, or None if the text does not say."""
        name = name.partition("[")[0]
        if name in self.variables:
            return self.variables[name]
        if name in ("@", "*") and self.positional is not None:
            parts: list[Value] = []
            for index, value in enumerate(self.positional):
                parts += [known(" "), value] if index else [value]
            return concatenated(parts) if parts else EMPTY
        if name.isdigit() and name != "0" and self.positional is not None:
            index = int(name) - 1
            return self.positional[index] if index < len(self.positional) else EMPTY
        if name in ("@", "*") and not self.positional:
            return Value(("", HOLE), UNKNOWN.taints, "$@")
        return USUAL.get(name)


def fields_of(words: tuple[Word, ...], scope: Scope) -> list[Field]:
    """The arguments that these words become."""
    result: list[Field] = []
    for word in words:
        if len(word.parts) == 1 and isinstance(word.parts[0], Lit):
            only = word.parts[0]
            if only.quoted or not any(char in only.text for char in "~{*?["):
                result.append(Field(known(only.text), word.span, word.raw))
                continue
        for parts in _braced(word.parts):
            for value in _split(parts, scope):
                result.append(Field(value, word.span, word.raw))
    return result


def text_of(word: Word, scope: Scope, *, tilde: bool = True) -> Value:
    """The word as one text, without splitting or globs: assignments, here-documents."""
    parts = _tilde(word.parts) if tilde else word.parts
    values = [_part_value(part, scope)[0] for part in parts]
    return concatenated(values) if values else EMPTY


# --- braces


def _braced(parts: tuple[Part, ...]) -> list[tuple[Part, ...]]:
    if not any(isinstance(part, Lit) and not part.quoted and "{" in part.text for part in parts):
        return [parts]
    atoms: list[Part] = []
    for part in parts:
        if isinstance(part, Lit) and not part.quoted:
            atoms.extend(Lit(char) for char in part.text)
        else:
            atoms.append(part)
    budget = [BRACES_MAX]
    return [tuple(result) for result in _expand_braces(atoms, budget)]


def _expand_braces(atoms: list[Part], budget: list[int]) -> list[list[Part]]:
    for start, atom in enumerate(atoms):
        if atom != Lit("{"):
            continue
        found = _alternatives(atoms, start)
        if found is None:
            continue
        choices, end = found
        results: list[list[Part]] = []
        tails = _expand_braces(atoms[end + 1 :], budget)
        for choice in choices:
            for middle in _expand_braces(choice, budget):
                for tail in tails:
                    budget[0] -= 1
                    if budget[0] < 0:
                        return [*results, [Lit(HOLE)]] if results else [[Lit(HOLE)]]
                    results.append(atoms[:start] + middle + tail)
        return results
    return [atoms]


def _alternatives(atoms: list[Part], start: int) -> tuple[list[list[Part]], int] | None:
    """The choices of the brace at `start` and where it ends, or None if it is only a brace."""
    level, commas = 0, [start]
    for index in range(start, len(atoms)):
        atom = atoms[index]
        if atom == Lit("{"):
            level += 1
        elif atom == Lit(",") and level == 1:
            commas.append(index)
        elif atom == Lit("}"):
            level -= 1
            if level == 0:
                edges = [*commas, index]
                if len(commas) > 1:
                    pairs = pairwise(edges)
                    return [atoms[a + 1 : b] for a, b in pairs], index
                return _sequence_choices(atoms[start + 1 : index], index)
    return None


def _sequence_choices(body: list[Part], end: int) -> tuple[list[list[Part]], int] | None:
    text = "".join(atom.text if isinstance(atom, Lit) else "$" for atom in body)
    match = _SEQUENCE.fullmatch(text)
    if not match:
        return None
    first, last, step = match.groups()
    number = first.lstrip("-").isdigit() and last.lstrip("-").isdigit()
    low, high = (int(first), int(last)) if number else (ord(first[0]), ord(last[0]))
    stride = max(1, abs(int(step or 1)))
    run = range(low, high + 1, stride) if low <= high else range(low, high - 1, -stride)
    if len(run) > BRACES_MAX:
        return [[Lit(HOLE)]], end
    return [[Lit(str(item) if number else chr(item))] for item in run], end


# --- splitting and globs


def _split(parts: tuple[Part, ...], scope: Scope) -> list[Value]:
    """The fields of one brace-free word."""
    fields: list[list[Value]] = [[]]
    present = False  # a quoted part makes a field even if it is empty
    ifs = scope.lookup("IFS") or EMPTY
    blanks = ifs.text if ifs.known else " \t\n"
    for part in _tilde(parts):
        value, quoted = _part_value(part, scope)
        if isinstance(part, Lit):
            fields[-1].append(value if quoted else _globbed(value))
            present = True
        elif quoted:
            if isinstance(part, Param) and part.name == "@" and scope.positional is not None:
                _append_each(fields, list(scope.positional))
            else:
                fields[-1].append(value)
            present = True
        else:
            _append_each(fields, _pieces(value, blanks))
    return [concatenated(items) for items in fields if items or (present and len(fields) == 1)]


def _append_each(fields: list[list[Value]], pieces: list[Value]) -> None:
    for index, piece in enumerate(pieces):
        if index:
            fields.append([])
        if piece.texts != ("",) or index:
            fields[-1].append(piece)


def _pieces(value: Value, blanks: str) -> list[Value]:
    """An unquoted expansion cut at the separators; several texts are cut side by side."""
    if not blanks or not any(char in text for text in value.texts for char in blanks):
        return [_globbed(value)]
    pattern = "[" + re.escape(blanks) + "]+"
    cut = [re.split(pattern, text) for text in value.texts]
    width = max(len(pieces) for pieces in cut)
    columns: list[Value] = []
    for index in range(width):
        texts = tuple(dict.fromkeys(row[index] for row in cut if index < len(row)))
        columns.append(_globbed(Value(texts, value.taints, value.source)))
    return columns


def _globbed(value: Value) -> Value:
    """Active glob characters become marks."""
    if not any(char in text for text in value.texts for char in "*?["):
        return value
    texts = tuple(
        _BRACKET.sub(QUERY, text).replace("*", STAR).replace("?", QUERY) for text in value.texts
    )
    return Value(texts, value.taints, value.source)


def _tilde(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    first = parts[0] if parts else None
    if not isinstance(first, Lit) or first.quoted or not first.text.startswith("~"):
        return parts
    user, slash, rest = first.text[1:].partition("/")
    if len(parts) > 1 and not slash:
        return parts
    where = {"": HOME, "+": CWD, "-": HOLE, "root": "/root"}.get(user, f"/home/{user}")
    return (Lit(where + slash + rest), *parts[1:])


# --- single parts


def _part_value(part: Part, scope: Scope) -> tuple[Value, bool]:
    """A part's value, and whether it is protected from splitting and globs."""
    if isinstance(part, Lit):
        return known(part.text), part.quoted
    if isinstance(part, Param):
        return _param_value(part, scope), part.quoted
    if isinstance(part, CommandSub):
        value = scope.substitute(part.body)
        return Value(tuple(t.rstrip("\n") for t in value.texts), value.taints, value.source), (
            part.quoted
        )
    if isinstance(part, ProcessSub):
        return scope.process(part), True
    return _arithmetic(part, scope), part.quoted


def _arithmetic(part: Arith, scope: Scope) -> Value:
    text = text_of(part.inner, scope, tilde=False).text if part.inner else part.text
    try:
        return known(str(_calculate(ast.parse(text.strip(), mode="eval").body)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Value((HOLE,))


def _calculate(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.BinOp):
        left, right = _calculate(node.left), _calculate(node.right)
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


def _param_value(part: Param, scope: Scope) -> Value:
    name, op = part.name, part.op
    value = scope.lookup(name)
    if op == "":
        return value if value is not None else from_environment(name)
    if op == "!":
        pointed = scope.lookup(value.text) if value is not None and value.known else None
        return pointed if pointed is not None else UNKNOWN
    if op == "#" and part.word is None:  # a length; with a word it cuts a prefix
        return known(str(len(value.text))) if value is not None and value.known else Value((HOLE,))
    if op == "names" or op.startswith("!"):
        return UNKNOWN
    word = text_of(part.word, scope) if part.word is not None else EMPTY
    if op in ("-", ":-", "=", ":="):
        return _default(name, op, value, word, scope)
    if op in ("+", ":+"):
        return word if value is not None else word.joined(EMPTY)
    if op in ("?", ":?"):
        return value if value is not None else Value((HOLE,), UNKNOWN.taints, f"${name}")
    if value is None or not word.known:
        return UNKNOWN if value is None else Value((HOLE,), value.taints, value.source)
    changed = tuple(_operated(_concrete(text), op, word.text) for text in value.texts)
    return Value(changed, value.taints, value.source)


def _default(name: str, op: str, value: Value | None, word: Value, scope: Scope) -> Value:
    if value is not None and (value.texts != ("",) or ":" not in op):
        return value
    # Unset in this text: the environment may have it, but the default is what is written.
    chosen = word
    if "=" in op:
        scope.variables[name] = chosen
    return chosen


def _concrete(text: str) -> str:
    """Text with the home folder spelled out, so that its first character can be taken."""
    return text.replace(HOME, "/home/user").replace(CWD, "/home/user/project")


def _operated(text: str, op: str, word: str) -> str:
    if op == ":":
        return _sliced(text, word)
    if HOLE in text:
        return HOLE
    if op in ("^", "^^", ",", ",,"):
        change = str.upper if op[0] == "^" else str.lower
        return change(text) if len(op) == 2 else change(text[:1]) + text[1:]
    if op in ("#", "##"):
        return _trimmed(text, word, longest=op == "##", front=True)
    if op in ("%", "%%"):
        return _trimmed(text, word, longest=op == "%%", front=False)
    if op in ("/", "//"):
        pattern, _, replacement = word.partition("/")
        if not pattern:
            return text
        try:
            regex = re.compile(fnmatch.translate(pattern).removesuffix(r"\Z").removesuffix(")\\Z"))
        except re.error:
            regex = re.compile(re.escape(pattern))
        return regex.sub(lambda _: replacement, text, count=0 if op == "//" else 1)
    return text


def _sliced(text: str, word: str) -> str:
    match = _SLICE.fullmatch(word)
    if not match:
        return HOLE
    start, length = int(match.group(1)), match.group(2)
    end = len(text) if length is None else (int(length) if int(length) < 0 else start + int(length))
    if start < 0:
        start = max(0, len(text) + start)
        end = len(text) if length is None else start + int(length)
    piece = text[start:end]
    return HOLE if HOLE in text[: max(end, 0)] else piece


def _trimmed(text: str, pattern: str, *, longest: bool, front: bool) -> str:
    cuts = range(len(text) + 1)
    order = cuts if front is not longest else reversed(cuts)
    for cut in order:
        piece = text[:cut] if front else text[cut:]
        if fnmatch.fnmatchcase(piece, pattern):
            return text[cut:] if front else text[:cut]
    return text
