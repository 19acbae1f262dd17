"""Write the evaluation's sets of generated pairs. See README.md here.

    python benchmarks/canonical/write.py

The same generator gives the same files. Takes about a minute, since every pair that training could
have is made to be sure that none of them is here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from cli_tuner.data.generate import Pair, pairs
from cli_tuner.shell.template import template_of

HERE = Path(__file__).parent
HELD_OUT, KNOWN = HERE / "generated-held-out.jsonl", HERE / "generated-known.jsonl"
ROWS = 300
TRAINING_SEED, SEED = 7, 11
MADE = 2400
"""Pairs of which the rows are chosen: enough for every intent to have some."""


def in_turn(found: Iterable[Pair], used: set[str]) -> Iterator[Pair]:
    """One pair of each intent, then a second of each, and so on; without requests in `used`."""
    by_intent: dict[str, list[Pair]] = {}
    for pair in found:
        if plain(pair.query) not in used:
            by_intent.setdefault(pair.intent, []).append(pair)
    for turn in range(max(map(len, by_intent.values()))):
        yield from (some[turn] for some in by_intent.values() if turn < len(some))


def plain(query: str) -> str:
    """A request without capitals and a full stop."""
    return query.casefold().rstrip(".?!")


def chosen(found: Iterable[Pair], used: set[str], every: int = 1) -> list[Pair]:
    """ROWS pairs in the generator's order, of every so-many-th in turn if there are more."""
    some = [pair for at, pair in enumerate(in_turn(found, used)) if at % every == 0]
    return sorted(some[:ROWS], key=lambda pair: (pair.intent, pair.id))


def row(pair: Pair, templates: set[str]) -> dict[str, str]:
    """A line. `template` says whether a training intent has commands of the same skeleton."""
    return {
        "id": pair.id,
        "query": pair.query,
        "command": pair.command,
        "source": "generated",
        "intent": pair.intent,
        "template": "seen" if template_of(pair.command) in templates else "new",
        "proof": "parsed" if pair.network else "run",
    }


def write(path: Path, some: list[Pair], templates: set[str]) -> None:
    lines = (json.dumps(row(pair, templates), ensure_ascii=False) for pair in some)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main() -> None:
    training = list(pairs(TRAINING_SEED, part="training"))
    used = {plain(pair.query) for pair in training}
    templates = {template_of(pair.command) for pair in training}
    write(HELD_OUT, chosen(pairs(SEED, MADE, "held-out"), used), templates)
    write(KNOWN, chosen(pairs(SEED, 4 * MADE, "training"), used, every=4), templates)


if __name__ == "__main__":
    main()
