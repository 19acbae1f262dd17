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
    options = trace.options
    trace.outputs = (parts.backend.complete(request, options.sampling, options.cancelled),)
    if request.candidates > 1:
        _sample(request, request.candidates - 1, trace, parts)
    return trace.outputs


def infer_again(
    request: NormalizedRequest, trace: Trace, parts: Parts
) -> tuple[RawModelOutput, ...]:
    """The answers so far, and the spare ones. Raises what the backend raises."""
    _sample(request, trace.options.spare, trace, parts)
    return trace.outputs


def _sample(request: NormalizedRequest, count: int, trace: Trace, parts: Parts) -> None:
    options = trace.options
    sampling = replace(options.sampling, temperature=_SAMPLED_TEMPERATURE, seed=_FIRST_SEED)
    sampled = parts.backend.sample(request, sampling, count, options.cancelled)
    trace.outputs = (*trace.outputs, *sampled)
