"""llama.cpp inside this process, through xllamacpp.

The library cannot be used without its HTTP server, which would listen on an unauthenticated
TCP port that every local user could reach. It is bound to a UNIX socket in a folder of this user
alone instead, and locked with a random key that nobody is told; completions are asked for by a
function call and pass neither.

Measured choices (docs/log.md): two threads per two cores, no warm-up run, no device fitting: each
saves start time and none costs speed. Requests that share the prompt prefix reuse its cached
state, so that a new query costs only its own tokens.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli_tuner.backends.protocol import Sampling, never
from cli_tuner.errors import BackendError, Cancelled
from cli_tuner.prompt import STOP
from cli_tuner.records import Finish, ModelIdentity, NormalizedRequest, RawModelOutput

SLOTS = 4
"""Requests decoded together. More lowers the throughput of two cores."""

CONTEXT_TOKENS = 4096
"""Tokens of context, shared by the slots; a 500-character query needs at most about 2,000."""


class EmbeddedBackend:
    """One model, loaded. Thread-safe: up to SLOTS requests at a time, the others wait."""

    def __init__(
        self,
        model: Path,
        identity: ModelIdentity,
        *,
        private: Path,
        adapter: Path | None = None,
        threads: int = 0,
    ) -> None:
        """Load `model` and apply `adapter`.

        `private` is a folder of this user alone. Raises BackendError if the engine is not
        installed or does not take the file.
        """
        self._identity = identity
        self._turns = threading.BoundedSemaphore(SLOTS)
        self._socket = private / f"llama-{os.getpid()}-{secrets.token_hex(4)}.sock"
        self._server = _load(model, adapter, self._socket, threads)

    @property
    def identity(self) -> ModelIdentity:
        """Which weights answer."""
        return self._identity

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        """One completion, streamed inside so that it can be stopped between two tokens."""
        with self._turns:
            if cancelled():
                raise Cancelled("cancelled before it began")
            collected = _Collected(cancelled)
            self._server.handle_completions(_asked(request, sampling), collected.take)
        if collected.error is not None:
            raise BackendError(f"the engine refused the request: {collected.error}")
        if collected.cancelled:
            raise Cancelled("cancelled")
        return collected.output(request, self._identity)

    def close(self) -> None:
        """Unload the model and remove the socket."""
        self._server = None
        self._socket.unlink(missing_ok=True)


def _load(model: Path, adapter: Path | None, socket: Path, threads: int) -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise BackendError(
            f"the engine cannot be loaded: {error}",
            hint="pip install xllamacpp, or use --backend URL",
        ) from error
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    params.hostnames = [str(socket)]
    params.api_keys = [secrets.token_urlsafe(32)]
    params.endpoint_slots = False
    params.ui = False
    params.n_gpu_layers = 0
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = SLOTS
    params.kv_unified = True
    params.cache_ram_mib = 0
    params.warmup = False
    params.fit_params = False
    params.verbosity = -1
    count = threads or len(os.sched_getaffinity(0))
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = count
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise BackendError(
            f"the engine cannot load {model}", hint="run: cli-tuner models verify"
        ) from error


def _asked(request: NormalizedRequest, sampling: Sampling) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "prompt": request.prompt,
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "cache_prompt": True,
        "logprobs": 1,
        "stop": [STOP],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if sampling.seed is not None:
        asked["seed"] = sampling.seed
    return asked


class _Collected:
    """What the engine streamed, one chunk a token."""

    def __init__(self, cancelled: Callable[[], bool]) -> None:
        self._is_cancelled = cancelled
        self.cancelled = False
        self.error: str | None = None
        self._texts: list[str] = []
        self._logprobs: list[float] = []
        self._finish = Finish.STOP
        self._usage: dict[str, Any] = {}
        self._timings: dict[str, Any] = {}

    def take(self, chunk: Any) -> bool:
        """Keep one chunk; true tells the engine to stop."""
        if isinstance(chunk, str):
            chunk = json.loads(chunk)
        if "error" in chunk or "code" in chunk:
            self.error = str(chunk.get("error", chunk).get("message", chunk))
            return True
        for choice in chunk.get("choices", ()):
            self._texts.append(choice.get("text") or "")
            for token in (choice.get("logprobs") or {}).get("content", ()):
                self._logprobs.append(float(token["logprob"]))
            if choice.get("finish_reason") == "length":
                self._finish = Finish.LENGTH
        self._usage = chunk.get("usage") or self._usage
        self._timings = chunk.get("timings") or self._timings
        self.cancelled = self._is_cancelled()
        return self.cancelled

    def output(self, request: NormalizedRequest, identity: ModelIdentity) -> RawModelOutput:
        """The chunks as one record."""
        cached = int(self._timings.get("cache_n", 0))
        logprobs = self._logprobs
        return RawModelOutput(
            request_id=request.request_id,
            text="".join(self._texts),
            finish=self._finish,
            prompt_tokens=cached + int(self._timings.get("prompt_n", 0)),
            cached_tokens=cached,
            completion_tokens=int(self._timings.get("predicted_n", len(logprobs))),
            mean_logprob=min(0.0, sum(logprobs) / len(logprobs)) if logprobs else None,
            prompt_ms=max(0.0, float(self._timings.get("prompt_ms", 0.0))),
            decode_ms=max(0.0, float(self._timings.get("predicted_ms", 0.0))),
            model=identity,
        )
