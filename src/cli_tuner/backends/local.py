"""Completions from the resident engine, for callers that cross the boundaries themselves."""

from __future__ import annotations

from collections.abc import Callable

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
        if cancelled():
            raise Cancelled("cancelled")
        reply = self._engine.ask(
            {
                "op": "complete",
                "request": request.model_dump_json(),
                "max_new_tokens": sampling.max_new_tokens,
                "temperature": sampling.temperature,
                "seed": sampling.seed,
            },
            cancelled=cancelled,
        )
        try:
            return RawModelOutput.model_validate_json(reply["output"])
        except (KeyError, ValidationError) as error:
            raise _incomplete() from error

    def close(self) -> None:
        """The engine stays: others use it."""


def _incomplete() -> BackendError:
    return BackendError("the engine's answer is incomplete", hint="run: cli-tuner stop")
