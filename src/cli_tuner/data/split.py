"""Which row goes to which split, so that nothing leaks.

1  rows of one skeleton are one group; groups whose requests are alike are joined, the most
   alike first, as long as the result stays small: else half of the data becomes one group
2  groups in a seeded order fill test, then validation; the rest, and every large group, is train
3  what is still alike across splits after that is found exactly, and as few rows as possible
   are dropped until nothing is
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cli_tuner.data.config import DataConfig
from cli_tuner.data.near import Edge

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)


class Conflict(NamedTuple):
    """Two rows of different splits that must not be apart, and what they share."""

    one: int
    other: int
    why: str


def groups_of(
    templates: Sequence[int], kept: Sequence[int], edges: Iterable[Edge], largest: int
) -> dict[int, int]:
    """Template -> group, over the kept rows. A group that was joined has at most `largest` rows."""
    sizes = Counter(templates[row] for row in kept)
    alive = set(kept)
    joined = _UnionFind(sizes)
    between = (
        (-edge.likeness, templates[edge.earlier], templates[edge.later])
        for edge in edges
        if edge.earlier in alive and edge.later in alive
    )
    for _, one, other in sorted({(less, min(a, b), max(a, b)) for less, a, b in between}):
        joined.join(one, other, largest)
    return {template: joined.root(template) for template in sizes}


class _UnionFind:
    def __init__(self, sizes: Mapping[int, int]) -> None:
        self._parent = {node: node for node in sizes}
        self._sizes = dict(sizes)

    def root(self, node: int) -> int:
        while self._parent[node] != node:
            self._parent[node] = self._parent[self._parent[node]]
            node = self._parent[node]
        return node

    def join(self, one: int, other: int, largest: int) -> None:
        a, b = sorted((self.root(one), self.root(other)))
        if a != b and self._sizes[a] + self._sizes[b] <= largest:
            self._parent[b] = a
            self._sizes[a] += self._sizes[b]


def assigned(
    sizes: Mapping[int, int],
    names: Mapping[int, str],
    wanted: Mapping[str, int],
    config: DataConfig,
) -> dict[int, str]:
    """Group -> split. `sizes` are the groups' rows, `wanted` the rows each held-out split gets.

    The order is by a digest of the seed and the group's name, so it does not depend on how many
    other groups there are.
    """
    left = dict(wanted)
    where: dict[int, str] = {}
    for group in sorted(sizes, key=lambda group: _drawn(config.seed, names[group])):
        where[group] = TRAIN
        # The emptier split first, so that both get their share if there are few small groups.
        for split in sorted(left, key=lambda split: (-left[split] / max(wanted[split], 1), split)):
            largest = max(1, int(wanted[split] * config.splits.largest_group))
            if sizes[group] <= min(left[split], largest):
                where[group] = split
                left[split] -= sizes[group]
                break
    return where


def _drawn(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=16).digest()


def rows_to_drop(
    conflicts: Iterable[Conflict], splits: Mapping[int, str], fixed: frozenset[str] = frozenset()
) -> dict[int, str]:
    """Few rows without which no conflict is left, and what each shared with another split.

    Greedy: the row with most conflicts goes first; of two equals the one in train. Rows of a
    fixed split stay.
    """
    neighbours: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for one, other, why in conflicts:
        neighbours[one].setdefault(other, why)
        neighbours[other].setdefault(one, why)

    def rank(row: int) -> tuple[int, bool, int]:
        return -len(neighbours[row]), splits[row] != TRAIN, row

    queue = [rank(row) for row in neighbours if splits[row] not in fixed]
    heapq.heapify(queue)
    dropped: dict[int, str] = {}
    while queue:
        degree, _, row = heapq.heappop(queue)
        if row in dropped or not neighbours[row]:
            continue
        if -degree != len(neighbours[row]):
            heapq.heappush(queue, rank(row))
            continue
        other, why = min(neighbours[row].items())
        dropped[row] = f"{why} as a row of {splits[other]}"
        for neighbour in neighbours.pop(row):
            neighbours[neighbour].pop(row, None)
    return dropped
