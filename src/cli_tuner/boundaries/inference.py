"""Boundary 3 of 6. In: NormalizedRequest. Out: RawModelOutput, one for each candidate.

The first candidate is greedy; the others are sampled, each with a seed of its own, so that the
same request gives the same candidates. What comes back is untrusted again.
"""

from __future__ import annotations

from dataclasses import replace

from cli_tuner.boundaries.parts import Parts
from cli_tuner.boundaries.trace import Trace
from cli_tuner.records import NormalizedRequest, RawModelOutput

_SAMPLED_TEMPERATURE = 0.8


def infer(request: NormalizedRequest, trace: Trace, parts: Parts) -> tuple[RawModelOutput, ...]:
    """The model's answers, the greedy one first. Raises what the backend raises."""
    options = trace.options
    for number in range(request.candidates):
        sampling = options.sampling
        if number:
            sampling = replace(sampling, temperature=_SAMPLED_TEMPERATURE, seed=number)
        output = parts.backend.complete(request, sampling, options.cancelled)
        trace.outputs = (*trace.outputs, output)
    return trace.outputs
