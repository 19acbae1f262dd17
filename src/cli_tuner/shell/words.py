"""From words to fields: what Bash's expansions make of a word, as far as the text decides it.

Covered: braces, tilde, parameters with all common operators, command substitution (the
interpreter runs it abstractly), arithmetic on constants, word splitting with a known IFS,
globs (kept as marks). What a name means is in `scope`, what operators do in `parameters`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from cli_tuner.shell.nodes import (
    Arith,
    CommandSub,
    Lit,
    Param,
    Part,
    ProcessSub,
    Range,
    Word,
)
from cli_tuner.shell.parameters import listed, parameter
from cli_tuner.shell.scope import Scope, joined_by
from cli_tuner.shell.values import (
    CWD,
    EMPTY,
    HOLE,
    HOME,
    QUERY,
    STAR,
    Value,
    concatenated,
    known,
)

BRACES_MAX = 64
_BRACKET = re.compile(r"\[[^\]/]+\]")
_SEQUENCE = re.compile(r"(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(?:\.\.(-?\d+))?")


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
        if isinstance(part, Param) and (several := _listed(part, scope)) is not None:
            if not part.quoted:
                pieces = [piece for value in several for piece in _pieces(value, blanks)]
                _append_each(fields, pieces)
            elif part.name.rstrip("]").endswith("*"):
                fields[-1].append(joined_by(several, blanks[:1]))
                present = True
            elif several:
                _append_each(fields, several)
                present = True
            continue
        value, quoted = _part_value(part, scope)
        if isinstance(part, Lit):
            fields[-1].append(value if quoted else _globbed(value))
            present = True
        elif quoted:
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
        word = text_of(part.word, scope) if part.word is not None else None
        return parameter(part.name, part.op, word, scope), part.quoted
    if isinstance(part, CommandSub):
        value = scope.substitute(part.body)
        return Value(tuple(t.rstrip("\n") for t in value.texts), value.taints, value.source), (
            part.quoted
        )
    if isinstance(part, ProcessSub):
        return scope.process(part), True
    return _arithmetic(part, scope), part.quoted


def _listed(part: Param, scope: Scope) -> list[Value] | None:
    """The values of `$@` and `${name[@]}`; None if the part is one value or not decided."""
    if part.name not in ("@", "*") and not part.name.endswith(("[@]", "[*]")):
        return None
    word = text_of(part.word, scope) if part.word is not None else None
    return listed(part.name, part.op, word, scope)


def _arithmetic(part: Arith, scope: Scope) -> Value:
    from cli_tuner.shell.again import number_of

    text = text_of(part.inner, scope, tilde=False).text if part.inner else part.text
    number = number_of(text, scope)
    return Value((HOLE,)) if number is None else known(str(number))
