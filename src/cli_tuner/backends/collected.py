"""What the engine streams about one question, put together: a chunk a token, for each completion.

Completions that are decoded together come interleaved, each under its index.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cli_tuner.errors import BackendError, Cancelled
from cli_tuner.records import Finish, ModelIdentity, NormalizedRequest, RawModelOutput

_LOOP_CHARS = 64
_LOOP_UNIT = 16


def is_looping(text: str) -> bool:
    """Whether the end of a text is one short piece over and over, as a model that has lost its way.

    A line of dashes is none: the piece has a letter, a digit or a blank.
    """
    end = text[-_LOOP_CHARS:]
    if len(end) < _LOOP_CHARS:
        return False
    return any(
        end[size:] == end[:-size] and any(char.isalnum() or char == " " for char in end[:size])
        for size in range(1, _LOOP_UNIT + 1)
    )


class Collected:
    """Takes the chunks as they come, and says when to stop."""

    def __init__(
        self, cancelled: Callable[[], bool], count: int = 1, *, cuts_loops: bool = True
    ) -> None:
        """`count` completions are expected, with the indices from 0."""
        self._cuts_loops = cuts_loops
        self._is_cancelled = cancelled
        self._raised: BaseException | None = None
        self._completions = [_Completion() for _ in range(count)]
        self._before_ms = 0.0

    @property
    def is_over(self) -> bool:
        """Whether it failed, was cancelled, or was cut off because it went round in circles."""
        if self._raised is not None:
            return True
        return self._cuts_loops and all(one.is_looping for one in self._completions)

    def pass_over(self, chunk: Any) -> bool:
        """Keep nothing of a chunk but the time it took and whether it failed."""
        stops = self.take(chunk)
        for number, completion in enumerate(self._completions):
            self._before_ms += completion.prompt_ms + completion.decode_ms
            self._completions[number] = _Completion()
        return stops

    def take(self, chunk: Any) -> bool:
        """Keep one chunk; true tells the engine to stop.

        The engine swallows what is raised in here, Ctrl-C too; so it is kept for `outputs`.
        """
        try:
            self._keep(chunk)
            if not self.is_over and self._is_cancelled():
                raise Cancelled("cancelled")
        except BaseException as error:  # noqa: BLE001
            self._raised = self._raised or error
        return self.is_over

    def _keep(self, chunk: Any) -> None:
        if isinstance(chunk, str):
            chunk = json.loads(chunk)
        if "error" in chunk or "code" in chunk:
            said = chunk.get("error", chunk).get("message", chunk)
            raise BackendError(f"the engine refused the request: {said}")
        completion = self._completions[0]
        for choice in chunk.get("choices", ()):
            completion = self._completions[choice.get("index", 0)]
            completion.take(choice)
        completion.timings = chunk.get("timings") or completion.timings

    def text(self) -> str:
        """What was streamed of the first completion. Raises what went wrong while it came."""
        if self._raised is not None:
            raise self._raised
        return self._completions[0].text

    def outputs(
        self, request: NormalizedRequest, identity: ModelIdentity
    ) -> tuple[RawModelOutput, ...]:
        """The chunks as records. Raises what went wrong while they came.

        Completions that were decoded together took their time together: each is given its share,
        and the first one the reading of the prompt, so that sums are what the engine spent.
        """
        if self._raised is not None:
            raise self._raised
        first, count = self._completions[0], len(self._completions)
        decode_ms = max(completion.decode_ms for completion in self._completions) / count
        return tuple(
            RawModelOutput(
                request_id=request.request_id,
                text=completion.text,
                finish=completion.finish,
                prompt_tokens=first.prompt_tokens,
                cached_tokens=first.prompt_tokens if number else first.cached_tokens,
                completion_tokens=completion.completion_tokens,
                mean_logprob=completion.mean_logprob,
                prompt_ms=0.0 if number else max(0.0, self._before_ms + first.prompt_ms),
                decode_ms=max(0.0, decode_ms),
                model=identity,
            )
            for number, completion in enumerate(self._completions)
        )


class _Completion:
    """One completion's texts and numbers. Times are in milliseconds."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._logprobs: list[float] = []
        self._end = ""
        self._is_cut_off = False
        self.is_looping = False
        self.timings: dict[str, Any] = {}

    def take(self, choice: dict[str, Any]) -> None:
        """Keep what one chunk says about it."""
        text = choice.get("text") or ""
        self._texts.append(text)
        self._end = (self._end + text)[-_LOOP_CHARS:]
        self.is_looping = self.is_looping or is_looping(self._end)
        for token in (choice.get("logprobs") or {}).get("content", ()):
            self._logprobs.append(float(token["logprob"]))
        self._is_cut_off = self._is_cut_off or choice.get("finish_reason") == "length"

    @property
    def finish(self) -> Finish:
        return Finish.LENGTH if self._is_cut_off or self.is_looping else Finish.STOP

    @property
    def text(self) -> str:
        return "".join(self._texts)

    @property
    def mean_logprob(self) -> float | None:
        logprobs = self._logprobs
        return min(0.0, sum(logprobs) / len(logprobs)) if logprobs else None

    @property
    def cached_tokens(self) -> int:
        return int(self.timings.get("cache_n", 0))

    @property
    def prompt_tokens(self) -> int:
        return self.cached_tokens + int(self.timings.get("prompt_n", 0))

    @property
    def completion_tokens(self) -> int:
        return int(self.timings.get("predicted_n", len(self._logprobs)))

    @property
    def prompt_ms(self) -> float:
        return float(self.timings.get("prompt_ms", 0.0))

    @property
    def decode_ms(self) -> float:
        return float(self.timings.get("predicted_ms", 0.0))
