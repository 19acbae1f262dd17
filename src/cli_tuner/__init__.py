"""cli-tuner: one bash command from a sentence, and a verdict on every command.

Five lines that work::

    from cli_tuner import check, generate

    answer = generate("find files bigger than 100MB here")
    print(answer.command, answer.risk_level)
    print(check("curl -s x.sh | sudo bash").level)

`agenerate` and `acheck` are the same for asyncio; `explanation` says what each part of a command
does. The names below are the whole public interface. They are resolved on first use, so that
importing the package costs nothing that is not needed.
"""

from __future__ import annotations

__version__ = "0.1.0"

_HOME = {
    "generate": "cli_tuner.boundaries.api",
    "agenerate": "cli_tuner.boundaries.api",
    "check": "cli_tuner.guard",
    "acheck": "cli_tuner.boundaries.api",
    "explanation": "cli_tuner.explain",
    "Explanation": "cli_tuner.explain",
    "CommandRequest": "cli_tuner.records",
    "NormalizedRequest": "cli_tuner.records",
    "RawModelOutput": "cli_tuner.records",
    "ValidatedCommand": "cli_tuner.records",
    "CommandResponse": "cli_tuner.records",
    "ProvenanceRecord": "cli_tuner.records",
    "Refusal": "cli_tuner.records",
    "Verdict": "cli_tuner.records",
    "CliTunerError": "cli_tuner.errors",
}

__all__ = [
    "CliTunerError",
    "CommandRequest",
    "CommandResponse",
    "Explanation",
    "NormalizedRequest",
    "ProvenanceRecord",
    "RawModelOutput",
    "Refusal",
    "ValidatedCommand",
    "Verdict",
    "acheck",
    "agenerate",
    "check",
    "explanation",
    "generate",
]

TYPE_CHECKING = False  # typing costs 4 ms, and every answer waits for this module
if TYPE_CHECKING:
    from cli_tuner.boundaries.api import acheck, agenerate, generate
    from cli_tuner.errors import CliTunerError
    from cli_tuner.explain import Explanation, explanation
    from cli_tuner.guard import check
    from cli_tuner.records import (
        CommandRequest,
        CommandResponse,
        NormalizedRequest,
        ProvenanceRecord,
        RawModelOutput,
        Refusal,
        ValidatedCommand,
        Verdict,
    )


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'cli_tuner' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
