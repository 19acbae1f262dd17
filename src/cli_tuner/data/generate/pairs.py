"""Pairs of a request and a command: deterministic for a seed, and all different."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from cli_tuner.data.generate.held_out import held_out
from cli_tuner.data.generate.intent import Intent, intents
from cli_tuner.data.generate.noise import noisy
from cli_tuner.data.generate.render import Rendered, render

TRIES_PER_PAIR = 12
SHORTEST, LONGEST = 3, 200
"""Characters of a request and of a command: outside of these the product refuses both."""

Part = Literal["all", "training", "held-out"]
"""All intents, those without the held-out ones, or the held-out ones alone."""

GUISES = 4
"""Requests that differ only in slips, politeness and capitals, at most."""


@dataclass(frozen=True)
class Pair:
    """A request and the one command it determines.

    `template_id` names the phrase within the intent; `network` says that the command needs a
    network, a daemon or a program that is not everywhere, so that it was parsed and not run.
    """

    id: str
    query: str
    command: str
    intent: str
    template_id: str
    network: bool


def pairs(seed: int, count: int | None = None, part: Part = "all") -> Iterator[Pair]:
    """All pairs of a part, or about `count` spread evenly over its intents.

    The same for the same seed. A request that two intents answer differently is left to the first,
    in whichever part that is; the proof reports it. Raises IntentError if an intent is wrong.
    """
    given = intents()
    room = sum(intent.pairs for intent in given if _is_of(part, intent.id))
    share = 1.0 if count is None else count / max(room, 1)
    kept = (pair for pair, other in _beside_others(given, seed, share) if other is None)
    yield from islice((pair for pair in kept if _is_of(part, pair.intent)), count)


def _is_of(part: Part, intent_id: str) -> bool:
    return part == "all" or held_out(intent_id) == (part == "held-out")


def clashes(given: tuple[Intent, ...], seed: int) -> Iterator[tuple[Pair, Pair]]:
    """Pairs whose request another intent, or another phrase, answers by another command."""
    for pair, other in _beside_others(given, seed, 1.0):
        if other is not None and other.command != pair.command:
            yield pair, other


def _beside_others(
    given: tuple[Intent, ...], seed: int, share: float
) -> Iterator[tuple[Pair, Pair | None]]:
    """Every pair, and the earlier one with the same request if there is one."""
    answers: dict[str, Pair] = {}
    for intent in given:
        room = max(1, math.ceil(intent.pairs * share))
        for number, (query, rendered) in enumerate(requests(intent, seed, room)):
            pair = _pair(number, query, rendered)
            first = answers.setdefault(query.rstrip(".?!"), pair)
            yield pair, None if first is pair else first


def requests(intent: Intent, seed: int, count: int) -> Iterator[tuple[str, Rendered]]:
    """Up to `count` different requests of one intent, its phrases in turn."""
    rng = random.Random(f"{seed} {intent.id}")  # noqa: S311 - chance for texts, not for secrets
    seen: set[str] = set()
    guises: Counter[str] = Counter()
    for attempt in range(count * TRIES_PER_PAIR):
        rendered = render(intent, attempt % len(intent.say), rng)
        query = noisy(rendered.pieces, rng)
        tidy = rendered.query.casefold()
        usable = len(query) >= SHORTEST and len(rendered.command) <= LONGEST
        if usable and query not in seen and guises[tidy] < GUISES:
            seen.add(query)
            guises[tidy] += 1
            yield query, rendered
        if len(seen) == count:
            return


def _pair(number: int, query: str, rendered: Rendered) -> Pair:
    intent = rendered.intent
    return Pair(
        id=f"{intent.id}-{number}",
        query=query,
        command=rendered.command,
        intent=intent.id,
        template_id=f"{intent.id}#{rendered.phrase}",
        network=intent.proof != "run",
    )
