"""Completions from the resident engine, for callers that cross the boundaries themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from cli_tuner.backends.engine import Engine
from cli_tuner.backends.protocol import Sampling, never
from cli_tuner.errors import BackendError, Cancelled
from cli_tuner.records import ModelIdentity, NormalizedRequest, RawModelOutput


class LocalBackend:
    """The resident engine as a Backend. It is started on first use."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._identity: ModelIdentity | None = None

    @property
    def identity(self) -> ModelIdentity:
        """What the engine says of itself. Raises as `complete` does."""
        if self._identity is None:
            reply = self._engine.ask({"op": "hello"})
            try:
                self._identity = ModelIdentity.model_validate(reply["identity"])
            except (KeyError, ValidationError) as error:
                raise _incomplete() from error
        return self._identity

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        """One completion; going away (Ctrl-C closes the socket) stops the engine's work."""
        reply = self._ask({"op": "complete"}, request, sampling, cancelled)
        try:
            return RawModelOutput.model_validate_json(reply["output"])
        except (KeyError, ValidationError) as error:
            raise _incomplete() from error

    def sample(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        count: int,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[RawModelOutput, ...]:
        """Completions that the engine decodes together; going away stops it here too."""
        reply = self._ask({"op": "sample", "count": count}, request, sampling, cancelled)
        try:
            outputs = tuple(map(RawModelOutput.model_validate_json, reply["outputs"]))
        except (KeyError, TypeError, ValidationError) as error:
            raise _incomplete() from error
        if len(outputs) != count:
            raise _incomplete()
        return outputs

    def _ask(
        self,
        question: dict[str, Any],
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool],
    ) -> dict[str, Any]:
        if cancelled():
            raise Cancelled("cancelled")
        return self._engine.ask(
            {
                **question,
                "request": request.model_dump_json(),
                "max_new_tokens": sampling.max_new_tokens,
                "temperature": sampling.temperature,
                "seed": sampling.seed,
            },
            cancelled=cancelled,
        )

    def close(self) -> None:
        """The engine stays: others use it."""


def _incomplete() -> BackendError:
    return BackendError("the engine's answer is incomplete", hint="run: cli-tuner stop")
