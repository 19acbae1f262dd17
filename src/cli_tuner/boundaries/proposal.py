"""Boundaries 3 and 4, crossed once, and once more where the one answer is no bash at all.

A model slips: it goes round in circles, or leaves a quote open. A few sampled answers to the same
request, and the choice among them, mend some of that. What the guard stopped is no slip, and
neither is prose, in which a model declines: nobody looks for a way around a no.
"""

from __future__ import annotations

from cli_tuner.boundaries.inference import infer, infer_again
from cli_tuner.boundaries.parts import Parts
from cli_tuner.boundaries.trace import Refused, Trace
from cli_tuner.boundaries.validation import validate
from cli_tuner.records import Boundary, NormalizedRequest, RefusalCode, ValidatedCommand

SLIPS = frozenset(
    {
        RefusalCode.SYNTAX,
        RefusalCode.TOO_LONG,
        RefusalCode.TOO_SHORT,
        RefusalCode.TRUNCATED,
        RefusalCode.UNPRINTABLE,
    }
)


def propose(prompt: NormalizedRequest, trace: Trace, parts: Parts) -> tuple[ValidatedCommand, ...]:
    """The commands that may be shown, best first, as many as were asked for. Refused if none."""
    outputs = trace.through(Boundary.INFERENCE, infer, prompt, trace, parts)
    may_again = len(outputs) == 1 and trace.options.spare > 0
    try:
        return trace.through(Boundary.VALIDATION, validate, outputs, trace, parts)
    except Refused as refused:
        if not may_again or refused.refusal.code not in SLIPS:
            raise
    outputs = trace.through(Boundary.INFERENCE, infer_again, prompt, trace, parts)
    commands = trace.through(Boundary.VALIDATION, validate, outputs, trace, parts)
    return commands[: prompt.candidates]
