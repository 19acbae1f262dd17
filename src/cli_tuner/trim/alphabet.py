"""Which tokens the texts over an alphabet can need: those that are a stretch of such a text.

A byte-level vocabulary cuts a text into bytes and joins neighbours by ranked merges. Whatever is
joined on the way is a stretch of the text's bytes. So if every token is kept that is a stretch of
some text over the alphabet (in UTF-8; it may begin or end inside a character), then every merge
that any such text could meet is kept as well, in the same order, and the text's tokens are the same
as before: not for most texts but for all. The set is closed by itself, since the two parts of a
stretch are stretches.

Other texts still pass, because the 256 single bytes are always kept: what has lost its token is
spelt in smaller ones.
"""

from __future__ import annotations

from enum import StrEnum

_ASCII = frozenset(map(chr, range(128)))


class Alphabet(StrEnum):
    """The characters whose texts keep their tokens."""

    ASCII = "ascii"
    """The 128 characters of ASCII: English, shell, code."""

    WESTERN = "western"
    """Windows-1252: ASCII, the letters of western European languages, typographic quotation marks
    and dashes, the euro sign."""

    @property
    def characters(self) -> frozenset[str]:
        """All of them."""
        if self is Alphabet.ASCII:
            return _ASCII
        return _ASCII | set(bytes(range(256)).decode("cp1252", errors="ignore"))


class Stretches:
    """Whether bytes are a stretch of some text over an alphabet."""

    def __init__(self, alphabet: Alphabet) -> None:
        encoded = frozenset(char.encode() for char in alphabet.characters)
        cuts = [(one, cut) for one in encoded for cut in range(1, len(one))]
        self._whole = encoded
        self._beginnings = frozenset(one[:cut] for one, cut in cuts)
        self._ends = frozenset(one[cut:] for one, cut in cuts)
        self._longest = max(map(len, encoded))
        self._inside = frozenset(
            one[start:end]
            for one in encoded
            for start in range(len(one))
            for end in range(start + 1, len(one) + 1)
        )

    def __contains__(self, token: bytes) -> bool:
        if token in self._inside:
            return True
        return any(
            (not skip or token[:skip] in self._ends) and self._goes_on(token[skip:])
            for skip in range(min(self._longest, len(token)))
        )

    def _goes_on(self, rest: bytes) -> bool:
        """Whether it is whole characters and then, perhaps, the beginning of one."""
        while rest:
            length = self._length(rest)
            if not length:
                return rest in self._beginnings
            rest = rest[length:]
        return True

    def _length(self, rest: bytes) -> int:
        """Bytes of the character at the start; 0 if none of the alphabet is there."""
        return next((n for n in range(1, self._longest + 1) if rest[:n] in self._whole), 0)
