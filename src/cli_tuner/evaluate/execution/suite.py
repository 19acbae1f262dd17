"""The two suites that run commands: `execution` for tasks, `equivalence` for any references.

Where nothing can be isolated, every outcome is None and the result says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict

from cli_tuner.errors import ConfigError
from cli_tuner.evaluate.execution.check import check
from cli_tuner.evaluate.execution.derive import WORLDS
from cli_tuner.evaluate.execution.judge import Judgement, judge
from cli_tuner.evaluate.execution.observed import LIMITS
from cli_tuner.evaluate.execution.task import Task
from cli_tuner.evaluate.suite import Context, Item, Outcome, SuiteResult
from cli_tuner.sandbox import reason_it_cannot_run

HELD = {"equivalent": True, "different": False, "undecidable": None}
NOTHING = ":"


def judge_tasks(items: Sequence[Item], context: Context) -> SuiteResult:
    """Whether each command does what its task asks; the rows are those of the benchmark."""
    return _result("execution", "passed", _on_task, items, context)


def judge_equivalence(items: Sequence[Item], context: Context) -> SuiteResult:
    """Whether each command does what one of its references does, on trees derived from both."""
    return _result("equivalence", "equivalent", _on_references, items, context)


def _result(
    suite: str,
    measure: str,
    one: Callable[[Item], Judgement],
    items: Sequence[Item],
    context: Context,
) -> SuiteResult:
    facts = {"limits": asdict(LIMITS), "worlds": WORLDS}
    if reason := reason_it_cannot_run():
        outcomes = tuple(Outcome(item.id, {measure: None}, "no sandbox", reason) for item in items)
        note = f"Nothing was run: {reason}."
        return SuiteResult(suite, outcomes, facts=facts, notes=(note,))
    context.progress.step(f"run commands ({suite})", len(items))
    outcomes = tuple(
        Outcome(item.id, {measure: HELD[found.answer]}, found.answer, found.reason)
        for item, found in _judged(one, items, context)
    )
    return SuiteResult(suite, outcomes, facts=facts, notes=tuple(_notes(outcomes)))


def _judged(
    one: Callable[[Item], Judgement], items: Sequence[Item], context: Context
) -> Iterator[tuple[Item, Judgement]]:
    with ProcessPoolExecutor(context.parallel) as pool:
        for item, found in zip(items, pool.map(one, items), strict=True):
            context.progress.advance()
            yield item, found


def _on_task(item: Item) -> Judgement:
    try:
        return check(Task.of_row(item.row), item.command)
    except ConfigError as error:
        return Judgement("undecidable", error.message)


def _on_references(item: Item) -> Judgement:
    """The best over all references. Undecidable as long as one reference is."""
    if not item.references:
        return Judgement("undecidable", "there is no reference")
    candidate = NOTHING if item.command is None else item.command
    found = [judge(reference, candidate, item.query) for reference in item.references]
    best = min(found, key=lambda one: ("equivalent", "undecidable", "different").index(one.answer))
    if item.command is None and best.answer != "undecidable":
        return Judgement("different", "no command")
    return best


def _notes(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What was not decided and why; the reasons without the names in them, most frequent first."""
    reasons = Counter(
        one.detail.partition("(")[0].strip() for one in outcomes if one.label == "undecidable"
    )
    if reasons:
        said = "; ".join(f"{reason}: {count}" for reason, count in reasons.most_common())
        yield f"{reasons.total()} of {len(outcomes)} are undecidable. {said}."
