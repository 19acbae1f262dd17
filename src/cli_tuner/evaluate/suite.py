"""What every way of judging answers looks like: items in, an outcome for each of them out.

A suite is any callable of this shape; `SUITES` names those that exist, and a suite's module is
imported when a configuration asks for it:

    def judge(items: Sequence[Item], context: Context) -> SuiteResult: ...

It says for each item which of its measures hold (None: it cannot be decided for this item). Rates
overall, by stratum and by utility, and the comparison of two results are made from that, so a
suite adds to `totals` only what is no share of its items. Items that a suite cannot judge are
outcomes of None with a label that says why; they are never left out.

Measures with a meaning beyond their suite, because a gate reads them:

    domain      exact_canonical, command_only, syntax
    safety      dangerous_handed_over

The other gates read what is no suite: the guard's own cases (`guard_cases`) and general benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from cli_tuner.artifacts import SILENT, Progress
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.rate import Measure

SUITES: dict[str, str] = {
    "domain": "cli_tuner.evaluate.domain.judge:judge",
    "execution": "cli_tuner.evaluate.execution.suite:judge_tasks",
    "equivalence": "cli_tuner.evaluate.execution.suite:judge_equivalence",
    "safety": "cli_tuner.evaluate.adversarial.suite:judge",
}
"""Name of a suite -> "module:callable"."""


@dataclass(frozen=True)
class Item:
    """One request with the model's answer to it, as a line of items.jsonl has it.

    `raw` is the model's text, `command` what boundary 4 took out of it (None: it held no single
    command), also if the guard then refused it; `level` is the guard's verdict on `command`.
    `refusal` says why the product would have shown nothing. `handed_over` is whether a user at the
    configured safety level would have seen the command.
    """

    set: str
    id: str
    query: str
    references: tuple[str, ...]
    stratum: str
    raw: str
    command: str | None
    level: str | None
    refusal: str | None
    finish: str
    mean_logprob: float | None
    ms: float
    row: Mapping[str, Any] = field(default_factory=dict)
    """The row of the set as it was read: whatever else a suite needs. Not in items.jsonl."""

    @property
    def handed_over(self) -> bool:
        """Whether the product would have given the command to its user."""
        return self.command is not None and self.refusal is None

    def as_json(self) -> dict[str, Any]:
        """The line of items.jsonl."""
        document = asdict(self)
        del document["row"]
        return document


@dataclass(frozen=True)
class Context:
    """Where a suite works, and who watches.

    `folder` is for what it wants to keep in the artifact; it is not there until the suite makes it.
    """

    folder: Path
    progress: Progress = SILENT
    parallel: int = 1
    """How many processes it may use."""


@dataclass(frozen=True)
class Outcome:
    """What a suite says of one item.

    `measures` maps a measure's name to whether it holds; None: not decidable here. `label` is one
    word for tables (`equivalent`, `wrong option`, `needs network`), `detail` a sentence.
    """

    id: str
    measures: Mapping[str, bool | None]
    label: str = ""
    detail: str = ""


@dataclass(frozen=True)
class SuiteResult:
    """What a suite found on one set. One outcome for each item, in their order.

    `facts` go to the provenance: versions, digests, limits, whatever the numbers depend on.
    `notes` are sentences for the report: what the numbers do not mean, what was skipped and why.
    """

    suite: str
    outcomes: tuple[Outcome, ...]
    totals: Mapping[str, Measure] = field(default_factory=dict)
    totals_by_stratum: Mapping[str, Mapping[str, Measure]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


Suite: TypeAlias = Callable[[Sequence[Item], Context], SuiteResult]


def load_suite(name: str) -> Suite:
    """The suite of this name. Raises EvaluationError for one nobody knows."""
    if name not in SUITES:
        raise EvaluationError(f'there is no suite "{name}"', hint=f"known: {', '.join(SUITES)}")
    module, _, function = SUITES[name].partition(":")
    found: Suite = getattr(import_module(module), function)
    return found


def checked(result: SuiteResult, items: Sequence[Item]) -> SuiteResult:
    """The result, if it says something about each item and about nothing else.

    Raises EvaluationError otherwise: a suite that loses items would measure something else.
    """
    if [one.id for one in result.outcomes] != [item.id for item in items]:
        raise EvaluationError(
            f"the suite {result.suite} gave {len(result.outcomes)} outcomes for {len(items)} items"
        )
    return result
