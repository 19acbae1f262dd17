"""Among several commands that may be shown: which one first.

Those that can work here come before those that cannot. Then the one on which the others agree
most, by what they run and what that would do: of all pairs the expected likeness is largest
(minimum Bayes risk, https://aclanthology.org/N04-1022). An output that came twice counts twice.
Where nothing distinguishes them the safer comes first, and then the greedy one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from cli_tuner.records import ValidatedCommand
from cli_tuner.shell.canonical import calls_in

Problems = Callable[[str], tuple[str, ...]]
"""Why a command cannot work here; `grounding.problems_in`."""


def ranked(
    commands: Sequence[ValidatedCommand], votes: Sequence[int], problems: Problems
) -> tuple[ValidatedCommand, ...]:
    """The commands, best first. `votes[i]` outputs were the i-th command; the greedy one is first.

    Two different ones cannot outvote each other: then only validity and verdict decide.
    """
    if len(commands) < 2:
        return tuple(commands)
    features = [features_of(command) for command in commands]
    agreement = [
        sum(
            votes[other] * likeness(features[one], features[other])
            for other in range(len(commands))
        )
        for one in range(len(commands))
    ]
    order = sorted(
        range(len(commands)),
        key=lambda one: (
            bool(problems(commands[one].command)),
            -round(agreement[one], 9) if sum(votes) > 2 else 0,
            commands[one].verdict.level.severity,
            one,
        ),
    )
    return tuple(commands[one] for one in order)


def features_of(command: ValidatedCommand) -> frozenset[Hashable]:
    """What a command runs, with which options and on what, and its effects."""
    found: set[Hashable] = set()
    for call in calls_in(command.command):
        found.add(("runs", call.path))
        found.update(("option", call.name, option.shown) for option in call.options)
        found.update(("operand", call.name, operand) for operand in call.operands)
    for effect in command.verdict.effects:
        found.add(("effect", effect.kind, effect.target))
    return frozenset(found)


def likeness(one: frozenset[Hashable], other: frozenset[Hashable]) -> float:
    """The share of what both have, 0 to 1 (Jaccard); two empty sets are alike."""
    whole = one | other
    return len(one & other) / len(whole) if whole else 1.0
