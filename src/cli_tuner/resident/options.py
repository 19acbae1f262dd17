"""A question's options, as they cross the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from cli_tuner.backends.protocol import Sampling
from cli_tuner.boundaries.parts import Options
from cli_tuner.errors import UsageError
from cli_tuner.records import Caller, NormalizedRequest, Safety

_MOST_NEW_TOKENS = 1024  # as in the settings
_MOST_SAMPLED = 8  # as many as candidates in CommandRequest


def options_of(message: dict[str, Any], *, model: str, cancelled: Callable[[], bool]) -> Options:
    """The options in a question. Raises UsageError if one of them is not what it should be."""
    try:
        return Options(
            model=model,
            safety=Safety(message["safety"]),
            candidates=int(message["candidates"]),
            caller=Caller(message["caller"]),
            retain_query=bool(message["retain_query"]),
            sampling=Sampling(max_new_tokens=_new_tokens(message)),
            cancelled=cancelled,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _incomplete(error) from error


def folder_of(message: dict[str, Any]) -> str:
    """Where the command would run, so whose project's policy holds; empty for nowhere.

    Raises UsageError for what is no absolute path: leaving it out must not leave a policy out.
    """
    folder = message.get("cwd")
    if not isinstance(folder, str) or "\0" in folder or (folder and not folder.startswith("/")):
        raise _incomplete(ValueError("cwd is not a folder"))
    return folder


def command_of(message: dict[str, Any]) -> str:
    """The command that is to be judged. Raises UsageError if there is none."""
    command = message.get("command")
    if not isinstance(command, str):
        raise _incomplete(ValueError("command is not a text"))
    return command


def sampling_of(message: dict[str, Any]) -> Sampling:
    """How a completion is to be sampled. Raises UsageError as `options_of` does."""
    try:
        temperature = float(message["temperature"])
        seed = message.get("seed")
        if not 0 <= temperature <= 2:
            raise ValueError("temperature is not between 0 and 2")
        return Sampling(_new_tokens(message), temperature, None if seed is None else int(seed))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _incomplete(error) from error


def count_of(message: dict[str, Any]) -> int:
    """How many completions are wanted. Raises UsageError as `options_of` does."""
    try:
        count = int(message["count"])
        if not 1 <= count <= _MOST_SAMPLED:
            raise ValueError(f"count is not between 1 and {_MOST_SAMPLED}")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _incomplete(error) from error
    return count


def request_of(message: dict[str, Any]) -> NormalizedRequest:
    """The request of a completion, validated anew. Raises UsageError if it is none."""
    try:
        return NormalizedRequest.model_validate_json(message["request"])
    except (KeyError, ValidationError) as error:
        raise UsageError("the question to the engine holds no request") from error


def _new_tokens(message: dict[str, Any]) -> int:
    count = int(message["max_new_tokens"])
    if not 1 <= count <= _MOST_NEW_TOKENS:
        raise ValueError(f"max_new_tokens is not between 1 and {_MOST_NEW_TOKENS}")
    return count


def _incomplete(error: Exception) -> UsageError:
    return UsageError(f"the question to the engine is incomplete: {error}")
