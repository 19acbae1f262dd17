"""What the written splits share. Computed from the files alone, knowing nothing of the splitter.

Skeletons and normalised texts are made anew from the requests and commands, and likeness is exact:
all pairs where that is affordable, the prefix-filter join (`overlap`) beyond. Every number counts
rows of the second split that have a partner in the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from cli_tuner.data.keys import Words, normalized_command, normalized_query, views_of
from cli_tuner.data.overlap import Overlap
from cli_tuner.data.split import SPLITS
from cli_tuner.data.table import read_split
from cli_tuner.shell.template import NO_BASH, template_of

_ALL_PAIRS_MAX = 1e9
"""Token meetings (sum over tokens of its rows in one times its rows in the other) of all pairs."""

_KEYS: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "same pair": lambda row: f"{row['query']}\0{row['command']}",
    "same request": lambda row: row["query"],
    "same normalised request": lambda row: normalized_query(row["query"]),
    "same command": lambda row: row["command"],
    "same normalised command": lambda row: normalized_command(row["command"]),
    "same template": lambda row: template_of(row["command"]),
}
LIKE = "request Jaccard >= {}"


def leakage_of(folder: Path, least: float) -> dict[str, Any]:
    """{"pairs": {"train -> test": {check: rows}}, "examples": {...}, "method": ..., ...}."""
    pairs: dict[str, dict[str, int]] = {}
    examples: dict[str, list[str]] = {}
    methods: set[str] = set()
    for first, second in combinations(SPLITS, 2):
        name = f"{first} -> {second}"
        found = _sharing(folder, first, second)
        like, method = _alike(folder, first, second, least)
        found[LIKE.format(least)] = like
        methods.add(method)
        pairs[name] = {check: len(rows) for check, rows in found.items()}
        examples |= {f"{name}: {check}": rows[:5] for check, rows in found.items() if rows}
    return {"pairs": pairs, "likeness": sorted(methods), "examples": examples}


def leaks_into_train(report: Mapping[str, Any]) -> int:
    """How many leaks concern train; two sets fixed elsewhere are what they are."""
    pairs: Mapping[str, Mapping[str, int]] = report["pairs"]
    return sum(sum(checks.values()) for name, checks in pairs.items() if name.startswith("train"))


def leaks(report: Mapping[str, Any]) -> int:
    """How many leaks there are in all."""
    return sum(sum(checks.values()) for checks in report["pairs"].values())


def _sharing(folder: Path, first: str, second: str) -> dict[str, list[str]]:
    """For each check the ids of rows of `second` whose key is there in `first`."""
    held: dict[str, dict[str, list[str]]] = {check: {} for check in _KEYS}
    for row in read_split(folder, second):
        for check, key in _KEYS.items():
            held[check].setdefault(key(row), []).append(row["id"])
    held["same template"].pop(NO_BASH, None)
    shared: dict[str, set[str]] = {check: set() for check in _KEYS}
    for row in read_split(folder, first):
        for check, key in _KEYS.items():
            shared[check].update(held[check].pop(key(row), ()))
    return {check: sorted(ids) for check, ids in shared.items()}


def _alike(folder: Path, first: str, second: str, least: float) -> tuple[list[str], str]:
    """The ids of rows of `second` with a like request in `first`, and how that was found out."""
    held = [(row["id"], row["query"]) for row in read_split(folder, second)]
    if _meetings(folder, first, [query for _, query in held]) <= _ALL_PAIRS_MAX:
        rows = {
            number
            for view in (0, 1)
            for number in _all_pairs(
                [views_of(query)[view] for _, query in held],
                (views_of(row["query"])[view] for row in read_split(folder, first)),
                least,
            )
        }
        return sorted(held[number][0] for number in rows), "all pairs"
    index = Overlap([query for _, query in held], least)
    rows = {n for row in read_split(folder, first) for n, _ in index.like(row["query"])}
    return sorted(held[number][0] for number in rows), "prefix filter"


def _meetings(folder: Path, first: str, held: Iterable[str]) -> float:
    counts: dict[str, list[int]] = {}
    for query in held:
        for word in views_of(query)[1]:
            counts.setdefault(word, [0, 0])[0] += 1
    for row in read_split(folder, first):
        for word in views_of(row["query"])[1]:
            if word in counts:
                counts[word][1] += 1
    return float(sum(one * other for one, other in counts.values()))


def _all_pairs(held: list[Words], others: Iterable[Words], least: float) -> Iterator[int]:
    """The numbers of the held sets that some other set is alike to, by counting shared words."""
    import numpy as np

    postings: dict[str, list[int]] = {}
    for number, words in enumerate(held):
        for word in words:
            postings.setdefault(word, []).append(number)
    rows = {word: np.array(numbers) for word, numbers in postings.items()}
    sizes = np.array([len(words) for words in held])
    for words in others:
        there = [rows[word] for word in words if word in rows]
        if there:
            shared = np.bincount(np.concatenate(there), minlength=len(held))
            union = len(words) + sizes - shared
            yield from np.flatnonzero(shared >= least * union - 1e-9).tolist()
