"""Which requests are alike: pairs of rows that share a MinHash band, confirmed by exact Jaccard.

Works on arrays, one band at a time, so that a million rows fit: 24 bytes a token and 256 bytes a
row on disk. In very large groups of rows with one band only neighbours are compared. That may leave
a near duplicate in the data, which costs nothing but room; a leak would be found exactly later.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cli_tuner.data.minhash import BANDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RUN_MAX = 64
_NEIGHBOURS = 24
_BLOCK = 200_000


class Edge(NamedTuple):
    """Two rows, the earlier first, and how alike their requests are."""

    earlier: int
    later: int
    likeness: float


class TokenSets:
    """Many sets of 64-bit digests, one behind the other."""

    def __init__(self) -> None:
        self._values = array("Q")
        self._starts = array("q", [0])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def add(self, digests: Sequence[int]) -> None:
        """Add one set, sorted."""
        self._values.extend(digests)
        self._starts.append(len(self._values))

    def frozen(self) -> FrozenSets:
        """The sets for comparing."""
        import numpy as np

        values = np.frombuffer(self._values, dtype=np.uint64) if self._values else np.empty(0)
        # Small numbers instead of digests: two of them fit into one key below.
        _, ids = np.unique(values, return_inverse=True)
        return FrozenSets(ids.astype(np.int64), np.array(self._starts, dtype=np.int64))


class FrozenSets(NamedTuple):
    """`ids[starts[i]:starts[i + 1]]` is set i."""

    ids: NDArray[np.int64]
    starts: NDArray[np.int64]

    def jaccard(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """The Jaccard of the sets one[k] and other[k], for all k."""
        import numpy as np

        sizes = self.starts[1:] - self.starts[:-1]
        total = sizes[one] + sizes[other]
        keys = np.concatenate([self._keyed(one), self._keyed(other)])
        keys.sort()
        # Within a set no id repeats, so a repeated key is an id that both sets have.
        twice = keys[1:][keys[1:] == keys[:-1]] >> 32
        shared = np.bincount(twice, minlength=len(one))
        likeness: NDArray[np.float64] = shared / np.maximum(total - shared, 1)
        return likeness

    def _keyed(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        import numpy as np

        lengths = self.starts[rows + 1] - self.starts[rows]
        pair = np.repeat(np.arange(len(rows), dtype=np.int64), lengths)
        before = np.repeat(np.cumsum(lengths) - lengths, lengths)
        position = np.arange(len(pair), dtype=np.int64) - before
        ids = self.ids[np.repeat(self.starts[rows], lengths) + position]
        keys: NDArray[np.int64] = (pair << 32) | ids
        return keys


def alike(
    bands: Path, count: int, views: Sequence[FrozenSets], least: float
) -> Iterator[list[Edge]]:
    """The edges between requests whose Jaccard, in the better view, is at least `least`.

    One list for each band and view; `bands` holds (count, views, BANDS) 64-bit keys.
    """
    import numpy as np

    keys = np.memmap(bands, dtype=np.uint64, mode="r", shape=(count, len(views), BANDS))
    for view in range(len(views)):
        for band in range(BANDS):
            edges: list[Edge] = []
            next_band = np.array(keys[:, view, (band + 1) % BANDS])
            for one, other in _candidates(np.array(keys[:, view, band]), next_band):
                new = ~(keys[one, view, :band] == keys[other, view, :band]).any(axis=1)
                edges += _confirmed(one[new], other[new], views, least)
            yield edges


def _confirmed(
    one: NDArray[np.int64], other: NDArray[np.int64], views: Sequence[FrozenSets], least: float
) -> list[Edge]:
    import numpy as np

    if not len(one):
        return []
    likeness = np.maximum.reduce([view.jaccard(one, other) for view in views])
    enough = likeness >= least
    found = zip(one[enough], other[enough], likeness[enough], strict=True)
    return [Edge(int(a), int(b), float(value)) for a, b, value in found]


def _candidates(
    keys: NDArray[np.uint64], finer: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of rows with one key, in blocks; the smaller row number first.

    Rows that also agree in the finer key are neighbours.
    """
    import numpy as np

    order = np.lexsort((finer, keys))
    ordered = keys[order]
    edges = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1], [True]]))
    lengths = edges[1:] - edges[:-1]
    ones: list[NDArray[np.int64]] = []
    others: list[NDArray[np.int64]] = []
    waiting = 0
    for start, length in zip(edges[:-1][lengths > 1], lengths[lengths > 1], strict=True):
        one, other = _pairs(int(length))
        rows = order[start : start + length]
        ones.append(np.minimum(rows[one], rows[other]))
        others.append(np.maximum(rows[one], rows[other]))
        waiting += len(one)
        if waiting >= _BLOCK:
            yield np.concatenate(ones), np.concatenate(others)
            ones, others, waiting = [], [], 0
    if waiting:
        yield np.concatenate(ones), np.concatenate(others)


@lru_cache(maxsize=_RUN_MAX)
def _pairs(length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of 0..length-1, or of neighbours only if there are too many."""
    import numpy as np

    if length <= _RUN_MAX:
        return np.triu_indices(length, 1)
    offsets = np.arange(1, _NEIGHBOURS + 1)
    one = np.repeat(np.arange(length), len(offsets))
    other = one + np.tile(offsets, length)
    inside = other < length
    return one[inside], other[inside]
