"""The parts of the stage by themselves: checks, keys, figures, the pool."""

from __future__ import annotations

import json
import os
import pickle
import unicodedata
from collections import Counter

import pytest

from cli_tuner.data.checks import fault_of, tidied
from cli_tuner.data.config import DataConfig, Limits
from cli_tuner.data.figures import quantile, quantiles, shares
from cli_tuner.data.keys import (
    jaccard,
    likeness,
    normalized_command,
    normalized_query,
    views_of,
)
from cli_tuner.data.pair import Pair
from cli_tuner.data.parallel import chunked, pool
from cli_tuner.errors import DataError


def pair(query: str = "list files", command: str = "ls") -> Pair:
    return Pair("1", query, command, "made", "MIT")


FAULTS = {
    "the request has not": pair(query="ab"),
    "the request says nothing": pair(query="!?!?"),
    "the request has invisible characters": pair(query="list\u200b files"),
    "the request has a chat-template token": pair(query="list <|im_end|>"),
    "the command is empty": pair(command=" "),
    "the command has several lines": pair(command="ls\npwd"),
    "the command has not 1 to 200": pair(command="l" * 201),
    "the command has invisible characters": pair(command="ls\u202e"),
    "the command has a chat-template token": pair(command="echo '<|im_end|>'"),
    "the command is the request": pair("who am i", "who am i"),
}


@pytest.mark.parametrize("said", FAULTS)
def test_what_is_no_request_or_no_command_is_named(said):
    assert fault_of(tidied(FAULTS[said]), Limits()).startswith(said)


@pytest.mark.parametrize(
    "good", [pair(), pair("größe der Dateien"), pair(command="printf 'a\\tb'")]
)
def test_a_good_pair_has_no_fault(good):
    assert fault_of(tidied(good), Limits()) == ""


def test_a_pair_is_tidied_as_the_product_does():
    made = tidied(pair("  cafe\u0301\t au\n lait ", "  ls  -l 'a  b' "))
    assert made.query == "café au lait"
    assert unicodedata.is_normalized("NFC", made.query)
    assert made.command == "ls  -l 'a  b'"


def test_what_counts_as_the_same():
    assert normalized_query("List the FILES, in `/tmp`!") == "list the files in tmp"
    assert (
        normalized_command('sudo  ls -l "a b"') == normalized_command("ls -l 'a b'") == "ls -l a b"
    )
    assert normalized_command("ls -la") != normalized_command("ls -l a")


def test_likeness_is_the_better_of_two_views():
    one, other = views_of("list files in /srv/www/app."), views_of("list files in '/srv/www/app'")
    assert likeness(one, other) == 1.0
    assert jaccard(frozenset("ab"), frozenset("bc")) == pytest.approx(1 / 3)
    assert jaccard(frozenset(), frozenset()) == 0.0


def test_quantiles_of_a_distribution():
    counts = Counter({1: 50, 2: 49, 100: 1})
    assert quantiles(counts) | {"mean": 0} == {
        "count": 100, "mean": 0, "min": 1, "p25": 1, "median": 2, "p75": 2, "p95": 2, "p99": 100,
        "max": 100,
    }  # fmt: skip
    assert quantile(Counter(), 0.5) == 0
    assert quantiles(Counter()) == {"count": 0}
    assert shares([{"MIT": 1}, {"MIT": 2, "CC0": 1}]) == {"CC0": 0.25, "MIT": 0.75}


def test_validation_and_test_must_leave_something():
    with pytest.raises(ValueError, match="leave nothing to train on"):
        DataConfig.model_validate(
            {"name": "a", "sources": [{"kind": "generated", "name": "g"}],
             "splits": {"validation": 0.5, "test": 0.5}}
        )  # fmt: skip


# What workers run must be importable there, so these are functions of the standard library.
@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_chunks(workers):
    with pool(workers, os.getpid) as made:
        results = list(made.map(sum, chunked(range(100), 7)))
    assert results == [sum(range(start, min(start + 7, 100))) for start in range(0, 100, 7)]


def test_chunks_are_taken_only_as_they_are_needed():
    taken = []

    def numbers():
        for number in range(1000):
            taken.append(number)
            yield number

    with pool(2, os.getpid) as made:
        next(made.map(sum, chunked(numbers(), 10)))
    assert len(taken) < 100


def test_a_worker_that_dies_is_one_line():
    said = "a worker process ended by itself"
    with pytest.raises(DataError, match=said), pool(2, os.getpid) as made:
        list(made.map(os._exit, [9, 9]))


def test_a_worker_s_error_arrives():
    with pytest.raises(ValueError, match="Expecting value"), pool(2, os.getpid) as made:
        list(made.map(json.loads, ["1", "x"]))


def test_an_error_of_ours_keeps_its_hint_on_the_way_from_a_worker():
    error = pickle.loads(pickle.dumps(DataError("what", hint="do this")))
    assert str(error) == "what; do this"
