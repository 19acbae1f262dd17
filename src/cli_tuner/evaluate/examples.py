"""A few items of each label for a reader; the same ones for the same findings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cli_tuner.evaluate.findings import Judged

_OF_EACH = 4


def examples_of(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """At most a handful of items for each label, chosen by their ids."""
    labels: dict[str, list[Judged]] = {}
    for one in judged:
        if one[1].label:
            labels.setdefault(one[1].label, []).append(one)
    largest = sorted(labels.items(), key=lambda item: (-len(item[1]), item[0]))
    return {label: sorted(some, key=_rank)[:_OF_EACH] for label, some in largest}


def _rank(one: Judged) -> str:
    return hashlib.sha256(one[0].id.encode()).hexdigest()
