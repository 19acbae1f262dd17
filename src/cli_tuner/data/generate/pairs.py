"""Pairs of a request and a command: deterministic for a seed, and all different."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from cli_tuner.data.generate.intent import Intent, intents
from cli_tuner.data.generate.noise import noisy
from cli_tuner.data.generate.render import Rendered, render
from cli_tuner.errors import IntentError

TRIES_PER_PAIR = 12
LONGEST = 200
"""Characters; a longer command is never handed over, so none is taught."""

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


def pairs(seed: int, count: int | None = None) -> Iterator[Pair]:
    """All pairs, or about `count` spread evenly over the intents; the same for the same seed.

    Raises IntentError if an intent is wrong, or if two intents answer one request differently.
    """
    given = intents()
    wanted = sum(intent.pairs for intent in given)
    share = 1.0 if count is None else count / max(wanted, 1)
    made = 0
    answers: dict[str, Pair] = {}
    for intent in given:
        room = max(1, math.ceil(intent.pairs * share))
        for number, (query, rendered) in enumerate(requests(intent, seed, room)):
            pair = _pair(number, query, rendered)
            other = answers.setdefault(query.rstrip(".?!"), pair)
            if other.command != pair.command:
                raise IntentError(
                    f'{intent.file}: {intent.id}: "{query}" is answered by {other.intent} too',
                    hint=f"{other.command} or {pair.command}?",
                )
            if other is pair and made != count:
                made += 1
                yield pair


def requests(intent: Intent, seed: int, count: int) -> Iterator[tuple[str, Rendered]]:
    """Up to `count` different requests of one intent, its phrases in turn."""
    rng = random.Random(f"{seed} {intent.id}")  # noqa: S311 - chance for texts, not for secrets
    seen: set[str] = set()
    guises: Counter[str] = Counter()
    for attempt in range(count * TRIES_PER_PAIR):
        rendered = render(intent, attempt % len(intent.say), rng)
        query = noisy(rendered.pieces, rng)
        tidy = rendered.query.casefold()
        known = query in seen or guises[tidy] == GUISES or len(rendered.command) > LONGEST
        if not known:
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
