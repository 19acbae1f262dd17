"""The diagram: one request across the boundaries.

Boundaries 3 and 4 are crossed together, by `propose`. A refusal from any of them is the answer;
any other exception propagates, and then no command is shown. Boundary 6 is `handoff`, where a
person decides.
"""

from __future__ import annotations

from cli_tuner.boundaries.egress import respond
from cli_tuner.boundaries.ingress import admit
from cli_tuner.boundaries.normalize import normalize
from cli_tuner.boundaries.parts import Options, Parts
from cli_tuner.boundaries.proposal import propose
from cli_tuner.boundaries.trace import Refused, Trace
from cli_tuner.records import Boundary, CommandResponse


def generate(query: str, options: Options, parts: Parts) -> CommandResponse:
    """One bash command for a request in English, or the reason why there is none.

    Raises BackendError (nobody answered), Cancelled, and nothing else that is expected.
    """
    trace = Trace(query, options, parts.span)
    try:
        request = trace.through(Boundary.INGRESS, admit, trace, parts)
        prompt = trace.through(Boundary.NORMALIZE, normalize, request, trace)
        commands = propose(prompt, trace, parts)  # boundaries 3 and 4
    except Refused as refused:
        return respond(refused.refusal, trace, parts)
    return respond(commands, trace, parts)
