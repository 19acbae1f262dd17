"""When two texts count as the same, and how alike two requests are.

Everything that finds duplicates or leaks uses these definitions: the cleaning, the splits, the
external sets and the leakage report.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

_RUNS = re.compile(r"[^\W_]+")
_PUNCTUATION = ".,;:!?\"'`()[]{}<>*"
_ELEVATED = re.compile(r"^(?:sudo|doas)\s+")
_QUOTING = str.maketrans("", "", "\"'`\\")

Words = frozenset[str]


def normalized_query(query: str) -> str:
    """A request without case, punctuation and quoting: its words, joined by single spaces."""
    return " ".join(_RUNS.findall(unicodedata.normalize("NFKC", query).casefold()))


def normalized_command(command: str) -> str:
    """A command without a leading sudo, quotes, backslashes and runs of white space."""
    return " ".join(_ELEVATED.sub("", command.strip()).translate(_QUOTING).split())


def views_of(query: str) -> tuple[Words, Words]:
    """The request's tokens in two views: split at white space, and runs of letters and digits.

    The first keeps paths and patterns whole, the second takes them apart.
    """
    text = unicodedata.normalize("NFKC", query).casefold()
    whole = frozenset(word for part in text.split() if (word := part.strip(_PUNCTUATION)))
    return whole, frozenset(_RUNS.findall(text))


def command_words(command: str) -> Words:
    """A command's tokens, split at white space."""
    return frozenset(normalized_command(command).split())


def jaccard(one: Words, other: Words) -> float:
    """Shared tokens over all tokens; 0 for two empty sets."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if shared else 0.0


def likeness(one: tuple[Words, Words], other: tuple[Words, Words]) -> float:
    """How alike two requests are: the larger Jaccard of the two views."""
    return max(jaccard(one[0], other[0]), jaccard(one[1], other[1]))


def digest64(text: str) -> int:
    """A 64-bit digest of a text; two of a million different texts collide once in 37 million."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
