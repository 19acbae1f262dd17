"""What a word can be: known text, one of a few texts, or text with unknown stretches.

A `Value` holds up to ALTERNATIVES_MAX texts. Stretches that the command text does not decide
are single private-use characters inside them, so that `"$HOME/.ssh"` or `/tmp/$X` keep the
part that is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

HOME = "\ue000"  # the user's home folder
HOLE = "\ue001"  # any text, possibly empty
STAR = "\ue002"  # an active glob *, or an extended glob
QUERY = "\ue003"  # an active glob ? or [...]
CWD = "\ue004"  # the current folder
MARKS = HOME + HOLE + STAR + QUERY + CWD

ALTERNATIVES_MAX = 12
TEXT_MAX = 8_192

_HIDE_MARKS = str.maketrans(dict.fromkeys(MARKS, "?"))
_SHOW = str.maketrans({HOME: "~", HOLE: "…", STAR: "*", QUERY: "?", CWD: "."})


def without_marks(text: str) -> str:
    """The text with our private characters made harmless; lengths stay the same."""
    return text.translate(_HIDE_MARKS)


def shown(text: str, limit: int = 160) -> str:
    """The text as a person may see it: no marks, no controls, no surrogates, not endless."""
    text = text[: limit + 1].translate(_SHOW)
    text = "".join(char if char.isprintable() else " " for char in text)
    return text[:limit] + "…" if len(text) > limit else text


@dataclass(frozen=True, slots=True)
class Value:
    """Texts that are possible, where they came from, and a name for that place."""

    texts: tuple[str, ...] = ("",)
    taints: frozenset[str] = frozenset()
    source: str = ""

    @property
    def text(self) -> str:
        """The first, or only, possibility."""
        return self.texts[0]

    @property
    def known(self) -> bool:
        """Whether there is exactly one possibility without unknown stretches."""
        return len(self.texts) == 1 and HOLE not in self.texts[0]

    def joined(self, other: Value) -> Value:
        """Either this or the other."""
        texts = tuple(dict.fromkeys(self.texts + other.texts))
        if len(texts) > ALTERNATIVES_MAX:
            texts = (*texts[: ALTERNATIVES_MAX - 1], HOLE)
        return Value(texts, self.taints | other.taints, self.source or other.source)


def embedded_texts(value: Value) -> tuple[str, ...]:
    """The texts as part of a larger one, where their taints are lost.

    What a search selected below a folder is then spelled as something in that folder.
    """
    if "filtered" not in value.taints:
        return value.texts
    return tuple(f"{text.rstrip('/')}/found{HOLE}" for text in value.texts)


NOTHING: frozenset[str] = frozenset()
UNKNOWN = Value((HOLE,), frozenset({"unknown"}))
EMPTY = Value(("",))


def known(text: str) -> Value:
    """Exactly this text."""
    return Value((text[:TEXT_MAX] + (HOLE if len(text) > TEXT_MAX else ""),))


def concatenated(values: list[Value]) -> Value:
    """One after the other; beyond the limit on alternatives the first ones and a hole."""
    if len(values) == 1:
        return values[0]
    taints = frozenset().union(*(value.taints for value in values))
    source = next((value.source for value in values if value.source), "")
    count = 1
    for value in values:
        count *= len(value.texts)
    if count > ALTERNATIVES_MAX:
        texts: tuple[str, ...] = ("".join(value.texts[0] for value in values), HOLE)
    else:
        texts = tuple("".join(chosen) for chosen in product(*(value.texts for value in values)))
    return Value(tuple(text[:TEXT_MAX] for text in texts), taints, source)


_SECRET_NAME = re.compile(
    r"SECRET|TOKEN|PASSW|PASSPHRASE|API_?KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIAL|_PAT$|_PWD$|^PGPASS"
)


def from_environment(name: str) -> Value:
    """A variable that this text does not set; one that is named like a secret is marked."""
    taints = UNKNOWN.taints
    if name.isupper() and _SECRET_NAME.search(name):
        taints = taints | {f"env:{name}"}
    return Value((HOLE,), taints, f"${name}")
