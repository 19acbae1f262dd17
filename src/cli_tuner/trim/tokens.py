"""The choice for one vocabulary: which rows stay, which merges, and what the ids become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from cli_tuner.errors import QuantizationError
from cli_tuner.trim.alphabet import Alphabet, Stretches
from cli_tuner.trim.container import Head, Pair

ROWS_MULTIPLE = 128
"""Kernels that take several rows at once want a number of rows that they divide; the official
files have 151,936 = 1,187 * 128 and are filled up with unused tokens, so these are too."""

TOKENS, MERGES = "tokenizer.ggml.tokens", "tokenizer.ggml.merges"
_KINDS = "tokenizer.ggml.token_type"
_NORMAL, _UNUSED = 1, 5
_ID = "_token_id"
_VOCABULARY_SIZE = ".vocab_size"


class Choice(NamedTuple):
    """The rows that stay, as old ids in ascending order: the new id is the place in here."""

    rows: tuple[int, ...]
    tokens: int
    """How many there were."""

    @property
    def runs(self) -> Iterator[tuple[int, int]]:
        """The rows as stretches, from and to."""
        start = before = self.rows[0]
        for row in self.rows[1:]:
            if row != before + 1:
                yield start, before + 1
                start = row
            before = row
        yield start, before + 1


def chosen(head: Head, alphabet: Alphabet) -> Choice:
    """The tokens that texts over the alphabet need, every byte, every special token.

    Raises QuantizationError if the file has no byte-level vocabulary.
    """
    texts, kinds = head.value(TOKENS), head.value(_KINDS)
    if head.value("tokenizer.ggml.model") != "gpt2" or not texts or not kinds:
        raise QuantizationError("only a byte-level vocabulary (gpt2) can be trimmed")
    stretches, bytes_of = Stretches(alphabet), _bytes_by_letter()
    kept, unused = [], []
    for row, (text, kind) in enumerate(zip(texts, kinds, strict=True)):
        if kind == _UNUSED:
            unused.append(row)
        elif kind != _NORMAL or _is_needed(text, stretches, bytes_of):
            kept.append(row)
    missing = -len(kept) % ROWS_MULTIPLE
    if missing <= len(unused):
        kept += unused[:missing]
    return Choice(tuple(sorted(kept)), len(texts))


def _is_needed(text: str, stretches: Stretches, bytes_of: dict[str, int]) -> bool:
    if len(text) == 1:
        return True
    try:
        return bytes(bytes_of[letter] for letter in text) in stretches
    except KeyError:
        raise QuantizationError(f"the token {text!r} is not spelt in bytes") from None


def _bytes_by_letter() -> dict[str, int]:
    """The byte that each letter of a byte-level vocabulary stands for. Source: GPT-2's encoder."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return {chr(byte if byte in printable else next(others)): byte for byte in range(256)}


def trimmed_pairs(head: Head, choice: Choice) -> dict[str, Pair]:
    """The metadata for the chosen rows: shorter lists, merges among kept tokens, new ids.

    Raises QuantizationError if a token that the metadata names is not kept.
    """
    new_ids = {row: place for place, row in enumerate(choice.rows)}
    kept = {head.value(TOKENS)[row] for row in choice.rows}
    return {
        key: pair._replace(value=_value(key, pair.value, choice, new_ids, kept))
        for key, pair in head.pairs.items()
    }


def _value(key: str, value: Any, choice: Choice, new_ids: dict[int, int], kept: set[str]) -> object:
    if key == MERGES:
        return [merge for merge in value if _survives(merge, kept)]
    if isinstance(value, list) and len(value) == choice.tokens:
        return [value[row] for row in choice.rows]
    if key.endswith(_VOCABULARY_SIZE):
        return len(choice.rows)
    if not key.endswith(_ID):
        return value
    if value not in new_ids:
        raise QuantizationError(f"{key} names the token {value}, which would be dropped")
    return new_ids[value]


def _survives(merge: str, kept: set[str]) -> bool:
    parts: Sequence[str] = merge.split(" ")
    return "".join(parts) in kept and all(part in kept for part in parts)
