"""Slot types whose values are lists in YAML, such as names of files, hosts and branches.

ext:
  say: "({v}|.{v}|*.{v})"          # how any value is said; {v} is the value
  forms: {glob: "*.{v}", dot: ".{v}"}
  say.dot: "(.{v}|*.{v})"          # how it is said as {ext.dot}
  values: [log, {py: "python|Python"}, ...]     # more ways to say one value
"""

from __future__ import annotations

import random
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli_tuner.data.generate.value import Value, literal
from cli_tuner.errors import IntentError


@dataclass(frozen=True)
class SlotType:
    """The values of one listed type; `quote` writes them as a shell word where that is needed."""

    values: tuple[Value, ...]

    def pick(self, rng: random.Random) -> Value:
        """One of them."""
        return rng.choice(self.values)


KEYS = {"say", "forms", "values", "quote"}


def slot_type(name: str, given: Mapping[str, Any]) -> SlotType:
    """Raises IntentError for an unknown key or a type without values."""
    for key in given:
        if key not in KEYS and not key.startswith("say."):
            raise IntentError(f'slot type {name}: unknown key "{key}"')
    if not given.get("values"):
        raise IntentError(f"slot type {name}: no values")
    return SlotType(tuple(_value(each, given) for each in given["values"]))


def _value(each: Any, given: Mapping[str, Any]) -> Value:
    more: Any = ""
    if isinstance(each, dict):
        ((each, more),) = each.items()
    own: Mapping[str, Any] = more if isinstance(more, dict) else {"say": more}
    raw = str(each)
    said = own.get("say", "")
    extra = (str(said),) if said else ()
    usual = _filled(given.get("say", "{v}"), literal(raw))
    says = {"": (usual, usual, *extra) if extra else (usual,)}
    for key, text in given.items():
        if key.startswith("say."):
            says[key[4:]] = (_filled(text, literal(raw)),)
    forms = {key: _filled(text, raw) for key, text in (given.get("forms") or {}).items()}
    forms |= {key: str(text) for key, text in own.items() if key != "say"}
    forms["raw"] = raw
    text = shlex.quote(raw) if given.get("quote") and not raw.startswith("~") else raw
    return Value(text, forms, says)


def _filled(pattern: str, value: str) -> str:
    return str(pattern).replace("{v}", value)
