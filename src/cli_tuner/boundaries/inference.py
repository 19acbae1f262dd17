"""Boundary 3 of 6. In: NormalizedRequest. Out: RawModelOutput, one for each candidate.

The first candidate is greedy and decoded alone, so that it is the answer that one would get
without asking for more. The others are sampled together, from seeds that are always the same, so
that the same request gives the same candidates. What comes back is untrusted again.
"""

from __future__ import annotations

from dataclasses import replace

from cli_tuner.boundaries.parts import Parts
from cli_tuner.boundaries.trace import Trace
from cli_tuner.records import NormalizedRequest, RawModelOutput

_SAMPLED_TEMPERATURE = 0.8
_FIRST_SEED = 1


def infer(request: NormalizedRequest, trace: Trace, parts: Parts) -> tuple[RawModelOutput, ...]:
    """The model's answers, the greedy one first. Raises what the backend raises."""
    options, backend = trace.options, parts.backend
    trace.outputs = (backend.complete(request, options.sampling, options.cancelled),)
    others = request.candidates - 1
    if others:
        sampling = replace(options.sampling, temperature=_SAMPLED_TEMPERATURE, seed=_FIRST_SEED)
        sampled = backend.sample(request, sampling, others, options.cancelled)
        trace.outputs = (*trace.outputs, *sampled)
    return trace.outputs
