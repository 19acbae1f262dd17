"""A look at the validation split during training: the loss, and some answers in full."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer

from cli_tuner.prompt import STOP
from cli_tuner.shell.template import template_of
from cli_tuner.train.answers import greedy_answers
from cli_tuner.train.config import TrainConfig
from cli_tuner.train.examples import Example, Examples, passes
from cli_tuner.train.loss import answer_loss
from cli_tuner.train.model import Qwen2
from cli_tuner.train.packed import pack

_AT_ONCE = 32
"""Requests answered together."""
_MOST_TOKENS = 96


@dataclass(frozen=True)
class Answer:
    """One request, what it should have given and what it gave. `ended`: the turn was ended."""

    query: str
    wanted: str
    given: str
    ended: bool

    @property
    def exact(self) -> bool:
        """Whether the very command came."""
        return self.ended and self.given.strip() == self.wanted.strip()


@dataclass(frozen=True)
class Look:
    """`loss` is nats per answer token; shares are of the answers."""

    loss: float
    answers: tuple[Answer, ...]
    exact: float
    template: float
    ended: float


@dataclass(frozen=True)
class Validation:
    """The rows that are looked at, and the model as it is at the time."""

    model: Qwen2
    tokenizer: Tokenizer
    prefix: int
    most_tokens: int
    loss_rows: Sequence[Example]
    answer_rows: Sequence[Example]

    @classmethod
    def of(
        cls, config: TrainConfig, model: Qwen2, tokenizer: Tokenizer, examples: Examples
    ) -> Validation:
        """A seeded choice of rows; one more does not change the others."""
        rows = list(examples.validation)
        random.Random(config.seed).shuffle(rows)  # noqa: S311
        wanted, most = config.evaluation, config.sitting.micro_batch_tokens
        loss_rows, answer_rows = rows[: wanted.loss_rows], rows[: wanted.answer_rows]
        return cls(model, tokenizer, examples.prefix, most, loss_rows, answer_rows)

    def look(self) -> Look:
        """Loss and answers."""
        answers = self.answers()
        count = max(1, len(answers))
        alike = sum(template_of(one.given) == template_of(one.wanted) for one in answers)
        return Look(
            self.loss(),
            answers,
            exact=sum(one.exact for one in answers) / count,
            template=alike / count,
            ended=sum(one.ended for one in answers) / count,
        )

    @torch.no_grad()
    def loss(self) -> float:
        """Nats per answer token."""
        total, tokens = 0.0, 0
        for part in passes(self.loss_rows, self.prefix, self.most_tokens):
            packed = pack([example.encoded for example in part], self.prefix, self.model.device)
            hidden = self.model(packed.ids, packed.positions, packed.attend)
            total += float(answer_loss(hidden[packed.predicting], self.model.head, packed.targets))
            tokens += len(packed.targets)
        return total / tokens

    def answers(self) -> tuple[Answer, ...]:
        """The greedy answers to the rows' requests."""
        stop = self.tokenizer.token_to_id(STOP)
        found: list[Answer] = []
        for first in range(0, len(self.answer_rows), _AT_ONCE):
            part = self.answer_rows[first : first + _AT_ONCE]
            prompts = [row.encoded.input_ids[: row.encoded.prompt_tokens] for row in part]
            given = greedy_answers(self.model, prompts, self.prefix, stop, _MOST_TOKENS)
            for row, tokens in zip(part, given, strict=True):
                ended = bool(tokens) and tokens[-1] == stop
                own = tokens[:-1] if ended else tokens
                text = self.tokenizer.decode(own, skip_special_tokens=False)
                found.append(Answer(row.query, row.command, text, ended))
        return tuple(found)
