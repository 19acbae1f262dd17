"""The rows that are still in, kept on disk, and what must be in memory to compare them."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cli_tuner.data.examine import Facts
from cli_tuner.data.keys import digest64, normalized_command
from cli_tuner.data.near import Edge, FrozenSets, TokenSets, alike
from cli_tuner.data.pair import Pair


class Member(NamedTuple):
    """A row that is still in, read back."""

    number: int
    pair: Pair
    utilities: tuple[str, ...]
    template: str
    prompt_tokens: int
    answer_tokens: int


class Population:
    """Rows in the order in which they came; row i is the i-th that was added."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._path = folder / "rows.jsonl"
        self._bands_path = folder / "bands.u64"
        self._rows = self._path.open("w", encoding="utf-8")
        self._bands = self._bands_path.open("wb")
        self._views = (TokenSets(), TokenSets())
        self._words = TokenSets()
        self._numbers: dict[str, int] = {}
        self.templates: list[str] = []
        """Every skeleton there is."""
        self.template_of = array("l")
        """Row -> index in `templates`."""
        self.command_key = array("Q")
        """Row -> digest of the normalised command."""

    def __len__(self) -> int:
        return len(self.template_of)

    def add(self, pair: Pair, facts: Facts) -> None:
        """Add a row."""
        line = [
            *(pair.id, pair.query, pair.command, pair.source, pair.license, pair.ref),
            *(facts.utilities, facts.template, facts.prompt_tokens, facts.answer_tokens),
        ]
        self._rows.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._bands.write(facts.bands)
        for view, digests in zip(self._views, facts.views, strict=True):
            view.add(digests)
        self._words.add(facts.words)
        number = self._numbers.setdefault(facts.template, len(self._numbers))
        if number == len(self.templates):
            self.templates.append(facts.template)
        self.template_of.append(number)
        self.command_key.append(digest64(normalized_command(pair.command)))

    def members(self) -> Iterator[Member]:
        """The rows in order."""
        self._rows.flush()
        with self._path.open(encoding="utf-8") as file:
            for number, line in enumerate(file):
                yield _member(number, json.loads(line))

    def alike(self, least: float) -> tuple[list[Edge], Callable[[Sequence[Edge]], list[float]]]:
        """Every pair of rows whose requests are this alike, and what compares their commands."""
        self._bands.flush()
        views = [view.frozen() for view in self._views]
        words = self._words.frozen()
        found: set[Edge] = set()
        if len(self):
            for edges in alike(self._bands_path, len(self), views, least):
                found.update(edges)
        return sorted(found), partial(_command_likeness, words)

    def close(self) -> None:
        """Close the files."""
        self._rows.close()
        self._bands.close()


def _command_likeness(words: FrozenSets, edges: Sequence[Edge]) -> list[float]:
    """The Jaccard of the two commands of each edge."""
    import numpy as np

    one = np.array([edge.earlier for edge in edges], dtype=np.int64)
    other = np.array([edge.later for edge in edges], dtype=np.int64)
    found: list[float] = words.jaccard(one, other).tolist()
    return found


def _member(number: int, line: list[Any]) -> Member:
    *texts, utilities, template, prompt, answer = line
    return Member(number, Pair(*texts), tuple(utilities), template, prompt, answer)
