"""Which requests of a set are alike to requests of another: exact, by prefix filtering.

If two sets have Jaccard t or more, then among the rarest |x| - ceil(t |x|) + 1 tokens of each, in
one common order, they share one (Chaudhuri et al., "A primitive operator for similarity joins",
ICDE 2006). So it is enough to look up those. Where the first token that both share stands says how
many more they can share at most, which rules most of them out without comparing (Xiao et al.,
"Efficient similarity joins for near duplicate detection", WWW 2008). A test compares with all
pairs.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from cli_tuner.data.keys import Words, jaccard, views_of

_Groups: TypeAlias = "defaultdict[tuple[int, int], list[int]]"
"""Sets by their size and by how many of their words come from here on."""
_NONE: _Groups = defaultdict(list)


class Overlap:
    """An index over the requests of the held-out sets."""

    def __init__(self, queries: Sequence[str], least: float) -> None:
        sets = [views_of(query) for query in queries]
        self._views = [_View([one[view] for one in sets], least) for view in (0, 1)]

    def like(self, query: str) -> Iterator[tuple[int, float]]:
        """The indexed requests that are alike to this one in some view, and how much so."""
        found: dict[int, float] = {}
        for view, words in zip(self._views, views_of(query), strict=True):
            for number, value in view.like(words):
                found[number] = max(value, found.get(number, 0.0))
        yield from sorted(found.items())


class _View:
    def __init__(self, sets: list[Words], least: float) -> None:
        self._sets = sets
        self._least = least
        self._frequency = Counter(word for one in sets for word in one)
        self._postings: defaultdict[str, _Groups] = defaultdict(lambda: defaultdict(list))
        for number, one in enumerate(sets):
            for place, word in enumerate(self._prefix(one)):
                self._postings[word][len(one), len(one) - place].append(number)

    def like(self, words: Words) -> Iterator[tuple[int, float]]:
        seen: set[int] = set()
        size = len(words)
        for place, word in enumerate(self._prefix(words)):
            for (other_size, left), numbers in self._postings.get(word, _NONE).items():
                # If this is their first word in common, no earlier one of either is in the other;
                # and if it is not, the first one allowed more.
                shared = min(size - place, left)
                if shared < self._least * (size + other_size - shared) - 1e-9:
                    continue
                for number in numbers:
                    if number not in seen:
                        seen.add(number)
                        value = jaccard(words, self._sets[number])
                        if value >= self._least:
                            yield number, value

    def _prefix(self, words: Words) -> list[str]:
        """The rarest words, as many as the bound asks for."""
        order = sorted(words, key=lambda word: (self._frequency[word], word))
        # The small term keeps 0.8 * 5 from being 4.000000000000001.
        return order[: len(order) - math.ceil(self._least * len(order) - 1e-9) + 1]
