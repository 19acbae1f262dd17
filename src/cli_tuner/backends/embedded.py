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
state, so that a new query costs only its own tokens; that state outlives the process (`prefix`).
"""

from __future__ import annotations

import os
import platform
import secrets
import socket
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cli_tuner.backends import pages
from cli_tuner.backends.collected import Collected
from cli_tuner.backends.prefix import Control, KeptPrefix
from cli_tuner.backends.protocol import Sampling, never
from cli_tuner.backends.turns import Turns
from cli_tuner.errors import BackendError
from cli_tuner.prompt import PREFIX, STOP
from cli_tuner.records import ModelIdentity, NormalizedRequest, RawModelOutput

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

    def __init__(  # noqa: PLR0913  the weights, the settings, two folders
        self,
        model: Path,
        identity: ModelIdentity,
        *,
        private: Path,
        adapter: Path | None = None,
        threads: int = 0,
        states: Path | None = None,
    ) -> None:
        """Load `model` and apply `adapter`.

        `private` is a folder of this user alone, and so is `states`, where what was read of the
        prompt's prefix is kept for the next process; None, or weights without a digest: it is
        read anew. Raises BackendError if the engine is not
        installed or does not take the file.
        """
        self._identity = identity
        self._turns = Turns(SLOTS, CONTEXT_TOKENS)
        self._anchors = _Anchors()
        _remove_orphans(private)
        self._socket = private / f"llama-{os.getpid()}-{secrets.token_hex(4)}.sock"
        control = Control(self._socket, secrets.token_urlsafe(32))
        threads = threads or _cores()
        self._server = _load(model, adapter, control, threads, states)
        self._has_answered = self._is_gathered = False
        self._kept: KeptPrefix | None = None
        if states is not None and identity.sha256 is not None:
            self._kept = KeptPrefix(states, _state_parts(identity, threads), control)
            self._restore(0)

    def _restore(self, slot: int) -> None:
        """Who asks first and alone meets the first slot; the others read the prefix themselves."""
        if self._kept is not None and self._kept.restore(slot):
            self._anchors.restored(slot)
            self._has_answered = True

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
        collected = Collected(cancelled)
        with self._turns.taken(_most_tokens(request, sampling), cancelled) as slot:
            server = self._server
            if server is None:
                raise BackendError("the engine is shutting down", hint="ask again")
            if self._anchors.is_needed(slot, request.prompt):
                server.handle_completions(_anchoring(slot), collected.pass_over)
                if self._kept is not None and not collected.is_over:
                    self._kept.keep(slot)
            if not collected.is_over:
                server.handle_completions(_asked(request, sampling, slot), collected.take)
            if collected.is_over:
                self._anchors.forget(slot)
        (output,) = collected.outputs(request, self._identity)
        self._has_answered = True
        if not self._is_gathered:
            self._is_gathered = True
            pages.gather_soon(self._turns.wait_idle)
        return output

    def sample(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        count: int,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[RawModelOutput, ...]:
        """Completions decoded together, up to SLOTS at a time, from one reading of the prompt.

        Right after `complete` with the same prompt nothing of it is read again.
        """
        at_once = _most_at_once(request, sampling)
        outputs: tuple[RawModelOutput, ...] = ()
        while len(outputs) < count:
            seeded = replace(sampling, seed=(sampling.seed or 0) + len(outputs))
            together = min(at_once, count - len(outputs))
            outputs += self._sampled(request, seeded, together, cancelled)
        return outputs

    def _sampled(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        count: int,
        cancelled: Callable[[], bool],
    ) -> tuple[RawModelOutput, ...]:
        collected = Collected(cancelled, count)
        # With all tokens taken nobody else has a slot: the engine picks those of the others itself.
        with self._turns.taken(CONTEXT_TOKENS, cancelled) as slot:
            server = self._server
            if server is None:
                raise BackendError("the engine is shutting down", hint="ask again")
            if self._anchors.is_needed(slot, request.prompt, again=True):
                server.handle_completions(_anchoring(slot), collected.pass_over)
            if not collected.is_over:
                asked = {**_asked(request, sampling, slot), "n": count}
                server.handle_completions(asked, collected.take)
            self._anchors.forget_all_but(None if collected.is_over else slot)
        outputs = collected.outputs(request, self._identity)
        self._has_answered = True
        return outputs

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
        collected = Collected(cancelled, cuts_loops=False)
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
    """What each slot read last: whether a query would go on from more of it than the prefix.

    A slot has one holder at a time (Turns), so this needs no lock.
    """

    def __init__(self) -> None:
        self._read: list[str | None] = [None] * SLOTS

    def is_needed(self, slot: int, prompt: str, *, again: bool = False) -> bool:
        """Whether the slot must be brought back to the prefix before it reads this prompt.

        Two queries with other first characters have other first tokens, and share the prefix
        alone. With `again` it may go on from the end of this very prompt, if that was the last.
        """
        before = self._read[slot]
        if not prompt.startswith(PREFIX):
            self._read[slot] = None
            return False
        self._read[slot] = prompt
        if before is None:
            return True
        if again and before == prompt:
            return False
        return before[len(PREFIX) : len(PREFIX) + 1] == prompt[len(PREFIX) : len(PREFIX) + 1]

    def restored(self, slot: int) -> None:
        """It stands where `_anchoring` brings it."""
        self._read[slot] = PREFIX + _ANCHOR

    def forget(self, slot: int) -> None:
        """Nobody knows how far it read."""
        self._read[slot] = None

    def forget_all_but(self, slot: int | None) -> None:
        """The other slots were emptied, as the engine does with those that it lent to samples."""
        for other in range(SLOTS):
            if other != slot:
                self._read[other] = None


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


def _state_parts(identity: ModelIdentity, threads: int) -> tuple[object, ...]:
    """All that the numbers computed from the prefix depend on."""
    import xllamacpp

    return (
        *(identity.sha256, identity.adapter_sha256, identity.engine, xllamacpp.__version__),
        *(PREFIX + _ANCHOR, CONTEXT_TOKENS, SLOTS, _BATCH_TOKENS, threads),
        *(platform.machine(), xllamacpp.get_system_info()),
    )


def _load(
    model: Path, adapter: Path | None, control: Control, threads: int, states: Path | None
) -> Any:
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
    params.hostnames = [str(control.socket)]
    params.api_keys = [control.key]
    if states is not None:
        params.slot_save_path = f"{states}/"
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
    # Mapped from the file, weights stay in small pages, and lie there twice where they are arranged
    # anew. What is read can be gathered into huge ones (`pages`, docs/QUANTIZATION.md).
    params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        control.socket.unlink(missing_ok=True)
        raise BackendError(
            f"the engine cannot load {model}; it is damaged, or of a kind that it does not know",
            hint="run: cli-tuner models verify",
        ) from error
    control.socket.chmod(0o600)  # it is made 0755; the folder keeps others out meanwhile
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


def _most_at_once(request: NormalizedRequest, sampling: Sampling) -> int:
    """How many samples of one prompt fit into the context, which they share, and the slots."""
    prompt_tokens = len(request.prompt.encode())
    return max(1, min(SLOTS, (CONTEXT_TOKENS - prompt_tokens) // sampling.max_new_tokens))


def _asked(request: NormalizedRequest, sampling: Sampling, slot: int) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "prompt": request.prompt,
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "cache_prompt": True,
        "id_slot": slot,
        "logprobs": 1,
        "timings_per_token": True,  # it may be stopped before the chunk that sums up
        "stop": [STOP],
        "stream": True,
        "return_progress": True,
        "stream_options": {"include_usage": True},
    }
    if sampling.seed is not None:
        asked["seed"] = sampling.seed
    return asked
