"""A question's options, as they cross the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cli_tuner.backends.protocol import Sampling
from cli_tuner.boundaries.parts import Options
from cli_tuner.errors import UsageError
from cli_tuner.records import Caller, Safety


def options_of(message: dict[str, Any], *, model: str, cancelled: Callable[[], bool]) -> Options:
    """The options in a question. Raises UsageError if one of them is not what it should be."""
    try:
        return Options(
            model=model,
            safety=Safety(message["safety"]),
            candidates=int(message["candidates"]),
            caller=Caller(message["caller"]),
            retain_query=bool(message["retain_query"]),
            sampling=Sampling(max_new_tokens=int(message["max_new_tokens"])),
            cancelled=cancelled,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the question to the engine is incomplete: {error}") from error
