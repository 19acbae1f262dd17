"""What an assignment makes of a variable: a text, an array, an element, more of the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.again import number_of
from cli_tuner.shell.nodes import Assignment, Lit, Part, Word
from cli_tuner.shell.shape import gathered, grows
from cli_tuner.shell.values import EMPTY, Value, concatenated
from cli_tuner.shell.variables import assigned
from cli_tuner.shell.words import Field, fields_of, text_of

if TYPE_CHECKING:
    from cli_tuner.shell.effects import Interpreter

_KEYED = re.compile(r"\[([^\]]*)\]\+?=")


def assign(shell: Interpreter, assignment: Assignment) -> None:
    """Carry out an assignment, and emit what follows from it."""
    if shell.endless and grows(assignment):
        shell.emit(EffectKind.RESOURCE, "bash", assignment.name, ("memory",))
    if assignment.is_array:
        _array(shell, assignment)
        return
    scope = shell.scope
    if scope.lookup(assignment.name) is None and gathered(assignment):
        scope.assign(assignment.name, EMPTY)  # most likely not set before
    values = [text_of(word, scope) for word in assignment.words]
    value = values[0] if values else EMPTY
    name = assignment.name + assignment.subscript
    if assignment.appends:
        before = scope.lookup(name) if scope.pointed(assignment.name) in scope.variables else None
        value = concatenated([before, value]) if before is not None else value
    elif shell.conditions and name in scope.variables:
        value = scope.variables[name].joined(value)
    scope.assign(name, value)
    assigned(shell, assignment.name, value)


def _array(shell: Interpreter, assignment: Assignment) -> None:
    scope = shell.scope
    items: dict[str, Value] = {}
    if assignment.appends:
        name = scope.pointed(assignment.name)
        items.update(scope.arrays.get(name, {}))
        if not items and name in scope.variables:
            items["0"] = scope.variables[name]
    position = len(items)
    for word in assignment.words:
        keyed = _KEYED.match(word.raw)
        if keyed is None:
            for item in fields_of((word,), scope):
                items[str(position)] = item.value
                position += 1
            continue
        key = scope.key(keyed[1]) or str(position)
        items[key] = text_of(_after_key(word), scope)
        position = int(key) + 1 if key.isdigit() else position
    scope.fill(assignment.name, items)
    for value in items.values():
        assigned(shell, assignment.name, value)


def declared(shell: Interpreter, fields: list[Field], assignments: tuple[Assignment, ...]) -> None:
    """What options of `declare` make of its assignments: references, numbers."""
    letters = "".join(f.text[1:] for f in fields[1:] if f.text[:1] == "-")
    scope = shell.scope
    for assignment in assignments:
        value = scope.lookup(assignment.name)
        if value is None:
            continue
        if "i" in letters:
            for text in value.texts:
                number_of(text, scope)
        elif "n" in letters and value.text.partition("[")[0].isidentifier():
            scope.forget(assignment.name)
            scope.references[assignment.name] = value.text


def _after_key(word: Word) -> Word:
    """`[key]=value` without its key."""
    parts: list[Part] = []
    passed = False
    for part in word.parts:
        if passed:
            parts.append(part)
        elif isinstance(part, Lit) and not part.quoted and "]=" in part.text:
            passed = True
            parts.append(Lit(part.text.partition("]=")[2]))
    return Word(tuple(parts), word.span, word.raw)
