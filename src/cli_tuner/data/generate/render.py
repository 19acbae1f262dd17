"""One request and its command, from an intent and a source of chance."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cli_tuner.data.generate.amounts import COUNTED
from cli_tuner.data.generate.grammar import Choice, Sequence, Slot, Text, phrase, slots_in
from cli_tuner.data.generate.intent import Intent, Switch, Typed
from cli_tuner.data.generate.value import Value
from cli_tuner.errors import IntentError

TRIES = 50


@dataclass(frozen=True)
class Piece:
    """A stretch of a request; `fixed` ones are values and are never misspelled."""

    text: str
    fixed: bool = False


@dataclass(frozen=True)
class Rendered:
    """A request in pieces, its command, and the values, for trees and expectations."""

    intent: Intent = field(repr=False)
    phrase: int
    pieces: tuple[Piece, ...]
    command: str
    values: Mapping[str, Value] = field(repr=False)

    @property
    def query(self) -> str:
        """The request without noise."""
        return tidy("".join(piece.text for piece in self.pieces))

    def fill(self, text: str) -> str:
        """A tree line or an expectation with the values in place."""
        try:
            return written(self.intent.text(text), self.values)
        except KeyError as error:
            raise IntentError(f'{self.intent.id}: "{text}": no form or value {error}') from None

    def slot(self, name: str, form: str = "") -> str:
        """The value of a slot as expectations see it, without quoting for the shell."""
        value = self.values[name]
        return value.written(form or ("raw" if "raw" in value.forms else ""))


def render(intent: Intent, number: int, rng: random.Random) -> Rendered:
    """The phrase of this number with values by chance. Raises IntentError for an unknown form."""
    values: dict[str, Value] = {}
    try:
        pieces = tuple(_said(intent.say[number], intent, values, rng))
        for slot in slots_in(intent.run):
            if slot.name not in values:
                values[slot.name] = _unsaid(intent, slot)
        command = squeezed(intent.run, values)
    except KeyError as error:
        raise IntentError(f"{intent.file}: {intent.id}: no form {error}") from None
    return Rendered(intent, number, pieces, command, values)


def _said(
    nodes: Sequence, intent: Intent, values: dict[str, Value], rng: random.Random
) -> Iterator[Piece]:
    for node in nodes:
        if isinstance(node, Text):
            yield Piece(node.text)
        elif isinstance(node, Choice):
            yield from _said(rng.choice(node.options), intent, values, rng)
        else:
            yield from _slot_said(node, intent, values, rng)


def _slot_said(
    slot: Slot, intent: Intent, values: dict[str, Value], rng: random.Random
) -> Iterator[Piece]:
    kind = intent.slots[slot.name]
    if isinstance(kind, Switch):
        said, forms = rng.choice(kind.options)
        yield from _said(said, intent, values, rng)
        values[slot.name] = _switched(forms, values)
        return
    value = values.get(slot.name)
    if value is None:
        value = values[slot.name] = _sampled(kind, intent, values, rng)
    way = phrase(rng.choice(value.ways(slot.form)), {})
    yield Piece("".join(piece.text for piece in _said(way, intent, values, rng)), fixed=True)


def _switched(forms: Mapping[str, Sequence], values: Mapping[str, Value]) -> Value:
    texts = {name: written(form, values) for name, form in forms.items()}
    return Value(texts["run"], texts)


def _sampled(kind: Typed, intent: Intent, values: Mapping[str, Value], rng: random.Random) -> Value:
    """A value that no other slot of the same type has."""
    taken = {
        value.text
        for name, value in values.items()
        if isinstance(other := intent.slots[name], Typed) and other.type == kind.type
    }
    for _ in range(TRIES):
        if kind.type in COUNTED:
            value = COUNTED[kind.type](rng, kind.given)
        else:
            value = intent.types[kind.type].pick(rng)
        if value.text not in taken:
            return value
    raise IntentError(f"{intent.file}: {intent.id}: too few values of type {kind.type}")


def _unsaid(intent: Intent, slot: Slot) -> Value:
    kind = intent.slots[slot.name]
    if isinstance(kind, Switch) and kind.silent is not None:
        return _switched(kind.silent, {})
    default = slot.default or ""
    return Value(default, {"raw": default})


def written(nodes: Sequence, values: Mapping[str, Value]) -> str:
    """A template with values in place."""
    return "".join(
        node.text if isinstance(node, Text) else values[node.name].written(node.form)
        for node in nodes
        if not isinstance(node, Choice)
    )


def squeezed(nodes: Sequence, values: Mapping[str, Value]) -> str:
    """As `written`, and a value that is empty takes a space beside it away too."""
    out = ""
    for node in nodes:
        if isinstance(node, Slot):
            text = values[node.name].written(node.form)
            out += text
            swallow = not text and (not out or out.endswith(" "))
        elif isinstance(node, Text):
            text = node.text
            out += text.removeprefix(" ") if out.endswith(" ") and swallow else text
        if not isinstance(node, Slot):
            swallow = False
    return out.strip()


def tidy(text: str) -> str:
    """One space between words, none before punctuation."""
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r" ([,?!;:.])(?=\s|$)", r"\1", text)
