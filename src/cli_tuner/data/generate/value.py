"""A value of a slot: how commands write it and how people say it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Value:
    """`text` is what the command has; `forms` are other spellings, `says` the ways to say it.

    `says` maps a form of the phrase to phrases (in the grammar of phrases) of which one is
    chosen; a form that is only in `forms` is said as it is written.
    """

    text: str
    forms: Mapping[str, str] = field(default_factory=dict)
    says: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def written(self, form: str) -> str:
        """For a command, a tree or an expectation. Raises KeyError for an unknown form."""
        if form == "":
            return self.text
        if form == "q":
            return shlex.quote(self.text)
        return self.forms[form]

    def ways(self, form: str) -> tuple[str, ...]:
        """For a phrase: phrases to choose from. Raises KeyError for an unknown form."""
        return self.says[form] if form in self.says else (literal(self.written(form)),)


def literal(text: str) -> str:
    """The text as a phrase that says exactly it."""
    return "".join("\\" + sign if sign in "\\()[]<>{}|" else sign for sign in text)
