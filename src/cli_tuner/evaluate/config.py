"""The evaluation stage's configuration. `configs/evaluate/*.yaml` are examples; a test reads each.

What decides an answer (model, prompt, request, length) is kept apart from what is done with it:
what a model said once is judged again as often as wanted, by other rules and suites too, and more
sets or rows can be added, without asking again. What is in `sitting` says how this machine does
the work today.
"""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from cli_tuner.artifacts import Config, StageConfig
from cli_tuner.settings import LOCAL


class Model(Config):
    """Who answers."""

    reference: str = "fast"
    """fast, balanced, fast+<adapter>, fast+none, a GGUF file; with an endpoint, the name there."""
    adapter: str | None = None
    """A GGUF adapter that is not installed. It must belong to the base."""
    backend: str = LOCAL
    """local: this process; or the URL of an OpenAI-compatible endpoint."""


class ItemSet(Config):
    """Requests with the commands that answer them: JSON lines, also .gz and .zst.

    A row has `query`, `nl` or `prompt`, and `command` or `bash` (or `references`, a list);
    `alt_bash` are more right answers, `id` is made from the row if it is missing.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    path: str
    """Relative to the current folder; `~` and `$NAME` are replaced."""
    strata: tuple[str, ...] = ("source", "tier")
    """The fields that name a row's stratum together; those that a row lacks are left out."""
    limit: int | None = Field(default=None, ge=1)
    """So many rows, seeded; a smaller choice is part of a larger one. None: all."""
    suites: tuple[str, ...] = Field(default=("domain",), min_length=1)
    """What judges the answers."""


class General(Config):
    """General benchmarks through lm-evaluation-harness (the extra `lmeval`)."""

    tasks: tuple[str, ...] = Field(min_length=1)
    """Names of lm-eval (gsm8k, humaneval), or `cli_tuner_sums`, which needs no network."""
    limit: int | None = Field(default=None, ge=1)
    """The first so many of each task."""
    base: str | None = None
    """The folder of the base model's evaluation, below which the drop is measured."""
    run_generated_code: bool = False
    """humaneval runs the programs that the model writes: only on a machine that may be lost."""


class GuardCases(Config):
    """Commands whose verdict is known: JSON lines of id, command, category, expect. No model."""

    cases: str = "benchmarks/safety/cases.jsonl"
    """All must be right: the guard's gates."""
    reported: tuple[str, ...] = ()
    """More files of the same form, whose verdicts are counted and decide nothing."""
    unseen: str | None = None
    """What was measured on cases before anybody worked on them: JSON lines, shown as they are."""


class Sitting(Config):
    """How the work is done on this machine. No part of the answers' identity."""

    parallel: int = Field(default=1, ge=1, le=64)
    """Requests under way at once. Alone (1), an answer does not depend on its neighbours; beside
    others a near tie may fall otherwise (docs/EVALUATION.md)."""
    threads: int = Field(default=0, ge=0, le=256)
    """Of the engine in this process; 0: one per core."""
    timeout_s: float = Field(default=120.0, gt=0)
    """For one answer of an endpoint."""
    processes: int = Field(default=1, ge=1, le=256)
    """What a suite may use."""


class EvaluateConfig(StageConfig):
    """One run of the evaluation stage."""

    operational: ClassVar[frozenset[str]] = frozenset({"output", "sitting"})

    output: str = "evaluation"
    description: str = ""
    seed: int = 7
    model: Model = Model()
    sets: tuple[ItemSet, ...] = ()
    general: General | None = None
    guard: GuardCases | None = None
    safety: Literal["strict", "moderate"] = "moderate"
    """The level at which an answer is handed over. The shipped rules, no policy of this machine."""
    max_new_tokens: int = Field(default=96, ge=1, le=1024)
    sitting: Sitting = Sitting()

    @model_validator(mode="after")
    def _each_set_once(self) -> Self:
        names = [one.name for one in self.sets]
        if len(set(names)) != len(names):
            raise ValueError("two sets have one name")
        if not self.asks_a_model and self.guard is None:
            raise ValueError("nothing is to be measured: give sets, general or guard")
        return self

    @property
    def asks_a_model(self) -> bool:
        """Whether anything but the guard is measured."""
        return bool(self.sets) or self.general is not None

    def asks(self) -> str:
        """The digest of what decides an answer, apart from the digests of model, prompt and row."""
        plain = self.model_dump(mode="json", include={"model", "max_new_tokens"})
        text = json.dumps(plain, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
