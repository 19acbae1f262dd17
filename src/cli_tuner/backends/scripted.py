"""A backend that answers from a script. For unit tests only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cli_tuner.backends.protocol import Sampling, never, one_by_one
from cli_tuner.errors import Cancelled
from cli_tuner.records import Finish, ModelIdentity, NormalizedRequest, RawModelOutput


class ScriptedBackend:
    """Answers a query with the text written down for it, or in turn from a list.

    `prompts` remembers what was asked, so that a test can look at what the model would see.
    """

    def __init__(
        self,
        answers: Mapping[str, str] | Sequence[str],
        *,
        finish: Finish = Finish.STOP,
        error: Exception | None = None,
    ) -> None:
        self._answers = answers
        self._finish = finish
        self._error = error
        self.prompts: list[str] = []

    @property
    def identity(self) -> ModelIdentity:
        """A name that cannot be mistaken for a real model's."""
        return ModelIdentity(name="scripted", backend="scripted", engine="none")

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        """The scripted answer. Raises the scripted error, if there is one."""
        turn = len(self.prompts)
        self.prompts.append(request.prompt)
        if self._error is not None:
            raise self._error
        if cancelled():
            raise Cancelled("cancelled")
        text = (
            self._answers[request.query]
            if isinstance(self._answers, Mapping)
            else self._answers[turn % len(self._answers)]
        )
        return RawModelOutput(
            request_id=request.request_id,
            text=text,
            finish=self._finish,
            completion_tokens=min(len(text.split()), sampling.max_new_tokens),
            mean_logprob=-0.1,
            model=self.identity,
        )

    def sample(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        count: int,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[RawModelOutput, ...]:
        """The next scripted answers, one after the other."""
        return one_by_one(self.complete, request, sampling, count, cancelled)

    def close(self) -> None:
        """Nothing is held."""
