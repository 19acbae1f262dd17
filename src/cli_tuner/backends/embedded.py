"""llama.cpp inside this process, through xllamacpp.

The library cannot be used without its HTTP server, which would listen on an unauthenticated
TCP port that every local user could reach. It is bound to a UNIX socket in a folder of this user
alone instead, and locked with a random key that nobody is told; completions are asked for by a
function call and pass neither. Its /health answers without the key and says only that it lives.

The same query alone gets the same answer, whatever was asked before. The engine would continue
from whatever the last prompt has in common with this one, so the prompt would be cut into other
batches each time, and sums of floats in another order decide a near tie otherwise (docs/log.md).
So every query is read in one piece after the cached prefix; `_Anchors` sees to it. Requests that
are decoded beside others share their batches, and a near tie may fall otherwise there.

Measured choices (docs/log.md): two threads per two cores, no warm-up run, no device fitting: each
saves start time and none costs speed. Requests that share the prompt prefix reuse its cached
state, so that a new query costs only its own tokens.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cli_tuner.backends.protocol import Sampling, never
from cli_tuner.backends.turns import Turns
from cli_tuner.errors import BackendError, Cancelled
from cli_tuner.prompt import PREFIX, STOP
from cli_tuner.records import Finish, ModelIdentity, NormalizedRequest, RawModelOutput

SLOTS = 4
"""Requests decoded together. More lowers the throughput of two cores."""

CONTEXT_TOKENS = 4096
"""Tokens of context, shared by the slots. A query of 500 characters has at most 2,000 bytes, and
so at most as many tokens; a usual one has twenty."""

_BATCH_TOKENS = 128
"""Prompt tokens read at once. Between two batches the engine asks whether to go on, so a long
prompt can be cancelled; the usual one is read in one go."""

_BIND_TO_LISTEN_S = 0.05

_ANCHOR = "<|fim_pad|>"
"""A token with which no query begins: boundary 1 refuses it."""


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
        self._turns = Turns(SLOTS, CONTEXT_TOKENS)
        self._anchors = _Anchors()
        _remove_orphans(private)
        self._socket = private / f"llama-{os.getpid()}-{secrets.token_hex(4)}.sock"
        self._server = _load(model, adapter, self._socket, threads)
        self._has_answered = False

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
        collected = _Collected(cancelled)
        with self._turns.taken(_most_tokens(request, sampling), cancelled) as slot:
            server = self._server
            if server is None:
                raise BackendError("the engine is shutting down", hint="ask again")
            if self._anchors.is_needed(slot, request.prompt):
                server.handle_completions(_anchoring(slot), collected.pass_over)
            if not collected.is_over:
                server.handle_completions(_asked(request, sampling, slot), collected.take)
            if collected.is_over:
                self._anchors.forget(slot)
        output = collected.output(request, self._identity)
        self._has_answered = True
        return output

    def complete_text(
        self,
        prompt: str,
        stop: Sequence[str],
        max_new_tokens: int,
        cancelled: Callable[[], bool] = never,
    ) -> str:
        """The greedy continuation of any text, without the template: for general benchmarks.

        It ends before the first of `stop`. Raises BackendError if the text is too long.
        """
        collected = _Collected(cancelled)
        with self._turns.taken(CONTEXT_TOKENS, cancelled) as slot:
            if self._server is None:
                raise BackendError("the engine is shutting down", hint="ask again")
            asked = {
                "prompt": prompt,
                "max_tokens": max_new_tokens,
                "temperature": 0.0,
                "cache_prompt": True,
                "id_slot": slot,
                "stop": list(stop),
                "stream": True,
                "return_progress": True,
            }
            self._server.handle_completions(asked, collected.take)
            self._anchors.forget(slot)
        text = collected.text()
        self._has_answered = True
        return text

    def close(self) -> None:
        """Unload the model and remove the socket."""
        self._socket.unlink(missing_ok=True)
        server, self._server = self._server, None
        if server is not None and not self._has_answered:
            # Its loop starts some time after it was made. Told to end before that, it begins
            # afterwards and never ends; an answer, however short, shows that it has begun.
            server.handle_completions({"prompt": "x", "max_tokens": 1}, lambda _: False)


class _Anchors:
    """What each slot read last, as far as it matters: whether this query would go on from there.

    A slot has one holder at a time (Turns), so this needs no lock.
    """

    def __init__(self) -> None:
        self._begins: list[str | None] = [None] * SLOTS

    def is_needed(self, slot: int, prompt: str) -> bool:
        """Whether the slot must be brought back to the prefix before it reads this prompt.

        Two queries with other first characters have other first tokens, and share the prefix
        alone.
        """
        if not prompt.startswith(PREFIX):
            self._begins[slot] = None
            return False
        before, now = self._begins[slot], prompt[len(PREFIX) : len(PREFIX) + 1]
        self._begins[slot] = now
        return before in (None, now)

    def forget(self, slot: int) -> None:
        """Nobody knows how far it read."""
        self._begins[slot] = None


def _anchoring(slot: int) -> dict[str, Any]:
    """Reads the prefix if the slot has not, and drops what followed it."""
    return {
        "prompt": PREFIX + _ANCHOR,
        "max_tokens": 1,
        "cache_prompt": True,
        "stream": True,
        "return_progress": True,
        "id_slot": slot,
    }


def _load(model: Path, adapter: Path | None, listen_at: Path, threads: int) -> Any:
    # Threads that wait for each other by spinning are fast alone and dreadful beside a neighbour:
    # a short spin costs nothing when quiet (docs/log.md). libgomp reads this when it is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
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
    params.hostnames = [str(listen_at)]
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
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    count = threads or _cores()
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = count
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        listen_at.unlink(missing_ok=True)
        raise BackendError(
            f"the engine cannot load {model}; it is damaged, or of a kind that it does not know",
            hint="run: cli-tuner models verify",
        ) from error
    listen_at.chmod(0o600)  # it is made 0755; the folder keeps others out meanwhile
    return server


def _remove_orphans(private: Path) -> None:
    """Remove the sockets of engines that were killed before they could."""
    refusing = [path for path in private.glob("llama-*.sock") if _refuses(path)]
    if refusing:
        # One that is bound and does not listen yet looks the same, for some microseconds. The
        # process id would not tell: a killed process that is still unmapping its model has one.
        time.sleep(_BIND_TO_LISTEN_S)
    for path in refusing:
        if _refuses(path):
            path.unlink(missing_ok=True)


def _refuses(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
        except ConnectionRefusedError:
            return stat.S_ISSOCK(path.lstat().st_mode)
        except OSError:
            return False
    return False


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS


def _most_tokens(request: NormalizedRequest, sampling: Sampling) -> int:
    """An upper bound: a byte-level vocabulary has no token shorter than a byte."""
    return len(request.prompt.encode()) + sampling.max_new_tokens


def _asked(request: NormalizedRequest, sampling: Sampling, slot: int) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "prompt": request.prompt,
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "cache_prompt": True,
        "id_slot": slot,
        "logprobs": 1,
        "stop": [STOP],
        "stream": True,
        "return_progress": True,
        "stream_options": {"include_usage": True},
    }
    if sampling.seed is not None:
        asked["seed"] = sampling.seed
    return asked


class _Collected:
    """What the engine streamed, one chunk a token."""

    def __init__(self, cancelled: Callable[[], bool]) -> None:
        self._is_cancelled = cancelled
        self._raised: BaseException | None = None
        self._texts: list[str] = []
        self._logprobs: list[float] = []
        self._finish = Finish.STOP
        self._usage: dict[str, Any] = {}
        self._timings: dict[str, Any] = {}
        self._before_ms = 0.0

    @property
    def is_over(self) -> bool:
        """Whether it failed or was cancelled."""
        return self._raised is not None

    def pass_over(self, chunk: Any) -> bool:
        """Keep nothing of a chunk but the time it took and whether it failed."""
        stops = self.take(chunk)
        timings, self._timings = self._timings, {}
        self._before_ms += float(timings.get("prompt_ms", 0.0) + timings.get("predicted_ms", 0.0))
        self._texts.clear()
        self._logprobs.clear()
        self._finish = Finish.STOP
        return stops

    def take(self, chunk: Any) -> bool:
        """Keep one chunk; true tells the engine to stop.

        The engine swallows what is raised in here, Ctrl-C too; so it is kept for `output`.
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
        for choice in chunk.get("choices", ()):
            self._texts.append(choice.get("text") or "")
            for token in (choice.get("logprobs") or {}).get("content", ()):
                self._logprobs.append(float(token["logprob"]))
            if choice.get("finish_reason") == "length":
                self._finish = Finish.LENGTH
        self._usage = chunk.get("usage") or self._usage
        self._timings = chunk.get("timings") or self._timings

    def text(self) -> str:
        """What was streamed. Raises what went wrong while it came."""
        if self._raised is not None:
            raise self._raised
        return "".join(self._texts)

    def output(self, request: NormalizedRequest, identity: ModelIdentity) -> RawModelOutput:
        """The chunks as one record. Raises what went wrong while they came."""
        text = self.text()
        cached = int(self._timings.get("cache_n", 0))
        logprobs = self._logprobs
        return RawModelOutput(
            request_id=request.request_id,
            text=text,
            finish=self._finish,
            prompt_tokens=cached + int(self._timings.get("prompt_n", 0)),
            cached_tokens=cached,
            completion_tokens=int(self._timings.get("predicted_n", len(logprobs))),
            mean_logprob=min(0.0, sum(logprobs) / len(logprobs)) if logprobs else None,
            prompt_ms=max(0.0, self._before_ms + float(self._timings.get("prompt_ms", 0.0))),
            decode_ms=max(0.0, float(self._timings.get("predicted_ms", 0.0))),
            model=identity,
        )
