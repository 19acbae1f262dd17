"""What is found out about a pair in a worker process: syntax, danger, skeleton, tokens, MinHash.

Stops at the first fault; what has a fault needs no tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cli_tuner.data.config import Limits
from cli_tuner.data.keys import command_words, views_of
from cli_tuner.data.minhash import bands_of, digests_of
from cli_tuner.data.pair import Dropped, Pair
from cli_tuner.syntax import faults_of

if TYPE_CHECKING:
    from cli_tuner.chat import Tokenizer

SYNTAX, GUARD, TOKENS = "syntax", "guard", "tokens"


class Danger(NamedTuple):
    """Why the guard objects."""

    level: str
    rule: str
    name: str
    message: str


class Facts(NamedTuple):
    """What is known of a pair without a fault.

    `views` are the digests of the request's tokens in two views, `words` those of the command's,
    and `bands` the band keys of both views, little-endian 64-bit numbers.
    """

    level: str
    utilities: tuple[str, ...]
    template: str
    prompt_tokens: int
    answer_tokens: int
    views: tuple[list[int], list[int]]
    words: list[int]
    bands: bytes


class Examined(NamedTuple):
    """A pair and either its facts, or the step it fails at and why."""

    pair: Pair
    facts: Facts | None
    step: str = ""
    reason: str = ""
    danger: Danger | None = None


@dataclass(frozen=True)
class Examination:
    """What to look for. `lenient`: nothing but danger is a fault, for sets held out elsewhere."""

    limits: Limits
    drop_levels: frozenset[str]
    lenient: bool = False

    def __call__(self, items: Sequence[Pair | Dropped]) -> list[Examined | Dropped]:
        """Examine a chunk. What was dropped before passes through, so that the order stays."""
        examined = iter(self.of_pairs([one for one in items if isinstance(one, Pair)]))
        return [one if isinstance(one, Dropped) else next(examined) for one in items]

    def of_pairs(self, pairs: Sequence[Pair]) -> list[Examined]:
        """Examine pairs alone."""
        faults = [""] * len(pairs) if self.lenient else faults_of([one.command for one in pairs])
        examined = [
            Examined(pair, None, SYNTAX, fault) if fault else self._judged(pair)
            for pair, fault in zip(pairs, faults, strict=True)
        ]
        return _with_bands(examined)

    def _judged(self, pair: Pair) -> Examined:
        from cli_tuner.guard import check

        verdict = check(pair.command)
        level = verdict.level.value
        if level in self.drop_levels:
            worst = verdict.reasons[0]
            danger = Danger(level, worst.rule_id, worst.name, worst.message)
            return Examined(pair, None, GUARD, f"{level}: {worst.rule_id}", danger)
        return self._measured(pair, level)

    def _measured(self, pair: Pair, level: str) -> Examined:
        from cli_tuner.chat import encode
        from cli_tuner.shell.template import template_of, utilities_of

        encoded = encode(pair.query, pair.command, _tokenizer())
        prompt, answer = encoded.prompt_tokens, encoded.answer_tokens
        if not self.lenient:
            if prompt > self.limits.prompt_tokens:
                return Examined(pair, None, TOKENS, "the prompt has too many tokens")
            if answer > self.limits.answer_tokens:
                return Examined(pair, None, TOKENS, "the command has too many tokens")
        whole, runs = views_of(pair.query)
        facts = Facts(
            level=level,
            utilities=utilities_of(pair.command),
            template=template_of(pair.command),
            prompt_tokens=prompt,
            answer_tokens=answer,
            views=(digests_of(whole), digests_of(runs)),
            words=digests_of(command_words(pair.command)),
            bands=b"",
        )
        return Examined(pair, facts)


def _with_bands(examined: list[Examined]) -> list[Examined]:
    """The same with MinHash bands, which are cheaper made together."""
    passed = [one.facts for one in examined if one.facts is not None]
    if not passed:
        return examined
    keys = [bands_of([facts.views[view] for facts in passed]) for view in (0, 1)]
    made = iter(zip(*keys, strict=True))
    return [
        one
        if one.facts is None
        else one._replace(facts=one.facts._replace(bands=b"".join(k.tobytes() for k in next(made))))
        for one in examined
    ]


_LOADED: list[Tokenizer] = []


def prepare(model: str) -> None:
    """Get a worker ready: load the vocabulary of this model file."""
    from cli_tuner.vocabulary import tokenizer_of

    _LOADED[:] = [tokenizer_of(Path(model))]


def _tokenizer() -> Tokenizer:
    return _LOADED[0]
