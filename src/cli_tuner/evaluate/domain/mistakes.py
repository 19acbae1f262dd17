"""What kind of mistake a command is, compared with the reference that is nearest to it.

exact            the same command, apart from spelling
format           no single command, or no Bash
wrong utility    other programs
undershoot       programs or options are missing, and what is there is right
overshoot        everything is there, and more
wrong option     the same programs, other options
wrong argument   the same programs and options, other values, operands or order

It is a label for tables: a command that is "wrong" here may do what was asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from cli_tuner.shell.canonical import Call, calls_in
from cli_tuner.shell.tokens import tokens_of

EXACT, FORMAT = "exact", "format"
LABELS = (
    EXACT, "wrong argument", "wrong option", "undershoot", "overshoot", "wrong utility", FORMAT
)  # fmt: skip


def nearest(command: str, references: Sequence[str]) -> str:
    """The reference that shares most tokens with a command."""
    return max(references, key=lambda text: _shared(tokens_of(command), tokens_of(text)))


def _shared(one: Sequence[str], other: Sequence[str]) -> float:
    both = (Counter(one) & Counter(other)).total()
    return 2 * both / max(1, len(one) + len(other))


def mistake_in(command: str, references: Sequence[str]) -> tuple[str, str]:
    """The label of a command that is not exact, and what differs."""
    wanted = nearest(command, references)
    given_calls, wanted_calls = calls_in(command), calls_in(wanted)
    programs = _compared(
        Counter(" ".join(call.path) for call in given_calls),
        Counter(" ".join(call.path) for call in wanted_calls),
        "wrong utility",
    )
    if programs is not None:
        return programs
    options = _compared(
        Counter(_options(given_calls)), Counter(_options(wanted_calls)), "wrong option"
    )
    return options or ("wrong argument", "")


def _options(calls: Sequence[Call]) -> Iterator[str]:
    """Each option, also of a program that nothing is known of, where it stands as it is written."""
    for call in calls:
        yield from (f"{call.name} {one.name}" for one in call.options)
        for word in call.operands:
            if len(word) > 1 and word.startswith("-"):
                yield f"{call.name} {word.partition('=')[0]}"


def _compared(given: Counter[str], wanted: Counter[str], otherwise: str) -> tuple[str, str] | None:
    """How two collections differ; None if they do not."""
    more, missing = given - wanted, wanted - given
    if not more and not missing:
        return None
    said = [f"+{name}" for name in sorted(more)] + [f"-{name}" for name in sorted(missing)]
    if not more:
        return "undershoot", ", ".join(said)
    if not missing:
        return "overshoot", ", ".join(said)
    return otherwise, ", ".join(said)
