"""Finding what is alike: fast ways say what comparing all pairs says."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_tuner.data import near
from cli_tuner.data.config import DataConfig
from cli_tuner.data.keys import jaccard, likeness, views_of
from cli_tuner.data.leakage import _all_pairs
from cli_tuner.data.minhash import bands_of, digests_of
from cli_tuner.data.near import Edge, TokenSets, alike
from cli_tuner.data.overlap import Overlap
from cli_tuner.data.split import Conflict, assigned, groups_of, rows_to_drop

WORDS = st.lists(st.sampled_from("a b c d e f g h i j k l".split()), min_size=1, max_size=12)
QUERIES = st.lists(WORDS.map(" ".join), min_size=1, max_size=30)


@settings(deadline=None)
@given(QUERIES, QUERIES, st.sampled_from([0.5, 0.6, 0.8, 0.9, 1.0]))
def test_the_prefix_filter_finds_what_comparing_all_pairs_finds(held, others, least):
    index = Overlap(held, least)
    for other in others:
        expected = {
            number: value
            for number, one in enumerate(held)
            if (value := likeness(views_of(one), views_of(other))) >= least
        }
        assert dict(index.like(other)) == expected


@settings(deadline=None)
@given(QUERIES, QUERIES, st.sampled_from([0.5, 0.8, 1.0]))
def test_counting_shared_words_finds_the_same(held, others, least):
    sets = [views_of(one)[0] for one in held]
    found = set(_all_pairs(sets, [views_of(one)[0] for one in others], least))
    assert found == {
        number
        for number, one in enumerate(sets)
        if any(jaccard(one, views_of(other)[0]) >= least for other in others)
    }


@settings(deadline=None)
@given(QUERIES.filter(lambda queries: len(queries) > 1))
def test_many_jaccards_at_once_are_the_ones_of_each_pair(queries):
    sets = TokenSets()
    for query in queries:
        sets.add(digests_of(views_of(query)[0]))
    pairs = list(combinations(range(len(queries)), 2))
    one, other = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    views = [views_of(query)[0] for query in queries]
    expected = [jaccard(views[a], views[b]) for a, b in pairs]
    assert sets.frozen().jaccard(one, other) == pytest.approx(expected)


def edges_of(queries: list[str], tmp_path, least: float) -> set[Edge]:
    views = [TokenSets(), TokenSets()]
    keys = []
    for view in (0, 1):
        digests = [digests_of(views_of(query)[view]) for query in queries]
        for one in digests:
            views[view].add(one)
        keys.append(bands_of(digests))
    path = tmp_path / "bands"
    path.write_bytes(np.stack(keys, axis=1).tobytes())
    found = alike(path, len(queries), [view.frozen() for view in views], least)
    return {edge for edges in found for edge in edges}


def requests(count: int) -> list[str]:
    """Twins that differ in one word of twelve, and others that have nothing in common."""
    rows = []
    for number in range(count):
        words = [f"w{number}x{place}" for place in range(11)]
        rows += [" ".join([*words, "here"]), " ".join([*words, "there"])]
    return rows


def test_twins_are_found_and_nothing_else(tmp_path):
    edges = edges_of(requests(200), tmp_path, 0.8)
    assert {(edge.earlier, edge.later) for edge in edges} == {
        (2 * number, 2 * number + 1) for number in range(200)
    }
    assert all(edge.likeness == pytest.approx(11 / 13) for edge in edges)


def test_very_many_of_one_kind_are_compared_with_neighbours_only(tmp_path, monkeypatch):
    monkeypatch.setattr(near, "_RUN_MAX", 8)
    near._pairs.cache_clear()
    edges = edges_of(["the very same words"] * 300, tmp_path, 0.8)
    near._pairs.cache_clear()
    assert {edge.later for edge in edges} == set(range(1, 300))
    assert len(edges) <= 300 * near._NEIGHBOURS


def test_groups_are_joined_the_most_alike_first_and_stay_small():
    templates = [0, 1, 2, 2, 2]
    edges = [Edge(0, 2, 0.8), Edge(0, 1, 0.9)]
    groups = groups_of(templates, range(5), edges, largest=3)
    assert groups[0] == groups[1] != groups[2]
    assert len(set(groups_of(templates, range(5), edges, largest=5).values())) == 1
    # A row that has left joins nothing.
    assert len(set(groups_of(templates, [0, 1, 3, 4], edges, largest=5).values())) == 2


def config(**splits: float) -> DataConfig:
    source = {"kind": "generated", "name": "g"}
    return DataConfig.model_validate({"name": "a", "sources": [source], "splits": splits})


def test_large_groups_go_to_train_and_the_rest_is_shared_out():
    sizes = {0: 500, **dict.fromkeys(range(1, 501), 1)}
    names = {group: f"name{group}" for group in sizes}
    splits = assigned(sizes, names, {"validation": 100, "test": 100}, config())
    assert splits[0] == "train"
    counts = {name: list(splits.values()).count(name) for name in ("train", "validation", "test")}
    assert counts == {"train": 301, "validation": 100, "test": 100}


def test_the_order_of_groups_depends_on_the_seed_and_the_name_alone():
    sizes = dict.fromkeys(range(100), 1)
    names = {group: f"name{group}" for group in sizes}
    wanted = {"validation": 10, "test": 10}
    first = assigned(sizes, names, wanted, config())
    backwards = assigned(dict(reversed(sizes.items())), names, wanted, config())
    assert first == backwards
    other = assigned(sizes, names, wanted, config().model_copy(update={"seed": 8}))
    assert first != other


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_no_conflict_is_left_and_every_drop_has_a_reason(pairs):
    splits = {row: ("train", "validation", "test")[row % 3] for row in range(10)}
    conflicts = [Conflict(a, b, "alike") for a, b in pairs if splits[a] != splits[b]]
    dropped = rows_to_drop(conflicts, splits)
    assert all(one in dropped or other in dropped for one, other, _ in conflicts)
    assert all(reason.startswith("alike as a row of ") for reason in dropped.values())


def test_the_row_with_most_conflicts_goes_first_and_train_before_held_out():
    splits = {0: "test", 1: "train", 2: "train", 3: "train", 4: "validation"}
    star = [Conflict(0, other, "alike") for other in (1, 2, 3)]
    assert set(rows_to_drop(star, splits)) == {0}
    assert set(rows_to_drop([Conflict(4, 1, "alike")], splits)) == {1}
