"""An OpenAI-compatible endpoint: vLLM, llama-server, Ollama, or a cluster of them.

The chat interface is used, since all of them have it; the endpoint applies the model's own chat
template, which is ours (a test compares the two token for token).

The endpoint is not trusted: its answer is bounded in size and time, redirects are not followed
(they would carry the key elsewhere), and what it says of an error is shown without the key.
A request under way is waited for by polling, so that `cancelled()` and Ctrl-C always end the wait.
Limit: the request itself is then left to its timeout; the endpoint may finish it for nobody.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from cli_tuner.backends.endpoint import Endpoint
from cli_tuner.backends.protocol import Sampling, never
from cli_tuner.errors import BackendError, BackendTimeout, BackendUnreachable, Cancelled
from cli_tuner.prompt import STOP, to_messages
from cli_tuner.records import Finish, ModelIdentity, NormalizedRequest, RawModelOutput

if TYPE_CHECKING:
    import httpx

_RETRY_STATUS = frozenset({429, 502, 503, 504})
_RETRY_WAITS_S = (0.5, 1.5)
_CANCEL_POLL_S = 0.1
_CONNECT_TIMEOUT_S = 5.0
_REPLY_MAX = 4 * 1024 * 1024
_REASON_MAX = 200


class _Reply(NamedTuple):
    """An answer, read whole."""

    status: int
    body: bytes


class HttpBackend:
    """One endpoint. `url` is its base, with or without `/v1`."""

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        on_request: Callable[[httpx.Request], None] | None = None,
    ) -> None:
        """`model` None means the first one that the endpoint serves.

        `on_request` sees each request before it is sent, and may add headers to it.

        Raises UsageError for a URL that is not one, or that would send a secret in the clear.
        """
        import httpx

        self._endpoint = Endpoint.of(url, api_key)
        self._client = httpx.Client(
            headers={**self._endpoint.headers, "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)),
            # A proxy from the environment would carry what is meant to stay on this machine.
            trust_env=not self._endpoint.is_loopback,
            follow_redirects=False,
            event_hooks={"request": [on_request] if on_request else []},
        )
        self._name = model
        self._timeout_s = timeout_s
        self._has_logprobs = self._has_several = True

    @property
    def identity(self) -> ModelIdentity:
        """What was asked for; a remote's weights cannot be digested from here.

        Raises as `complete` does if the endpoint has to be asked what it serves.
        """
        return ModelIdentity(
            name=self._model(), backend=self._endpoint.shown, engine="openai-compatible"
        )

    @property
    def shown(self) -> str:
        """Its address, without secrets."""
        return self._endpoint.shown

    def probe(self) -> None:
        """Ask whether it serves. Raises BackendError if it does not."""
        self._decoded(self._sent("GET", "models", None))

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        """One completion; a busy endpoint is asked twice more, after waiting."""
        return self._completions(request, sampling, 1, cancelled)[0]

    def sample(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        count: int,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[RawModelOutput, ...]:
        """Several completions in one request (`n`) where the endpoint can, else in several."""
        outputs: tuple[RawModelOutput, ...] = ()
        while len(outputs) < count:
            seeded = replace(sampling, seed=(sampling.seed or 0) + len(outputs))
            outputs += self._completions(request, seeded, count - len(outputs), cancelled)
        return outputs

    def _completions(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        most: int,
        cancelled: Callable[[], bool],
    ) -> tuple[RawModelOutput, ...]:
        """One completion or more, as many as the endpoint gives at once but at most `most`."""
        if cancelled():
            raise Cancelled("cancelled")
        body: dict[str, Any] = {
            "model": self._model(),
            "messages": to_messages(request.query),
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "stop": [STOP],
        }
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        began = time.perf_counter()
        reply = self._decoded(self._several(body, most, cancelled))
        elapsed_ms = (time.perf_counter() - began) * 1000
        with self._understanding():
            return self._outputs(request, reply, most, elapsed_ms)

    def complete_text(
        self,
        prompt: str,
        stop: Sequence[str],
        max_new_tokens: int,
        cancelled: Callable[[], bool] = never,
    ) -> str:
        """The greedy continuation of any text, without the template: for general benchmarks.

        Raises as `complete` does; an endpoint that has the chat interface alone cannot do this.
        """
        if cancelled():
            raise Cancelled("cancelled")
        body = {
            "model": self._model(),
            "prompt": prompt,
            "max_tokens": max_new_tokens,
            "temperature": 0.0,
            # OpenAI's interface takes no more than four; what follows another one is cut off here.
            "stop": list(stop)[:4],
        }
        reply = self._decoded(self._posted(body, cancelled, "completions"))
        with self._understanding():
            text = reply["choices"][0]["text"]
            ends = [text.index(one) for one in stop if one in text]
            return str(text[: min(ends, default=len(text))])

    def _model(self) -> str:
        if self._name is None:
            reply = self._decoded(self._sent("GET", "models", None))
            with self._understanding():
                served = [str(model["id"]) for model in reply.get("data") or ()]
            if not served:
                raise BackendError(
                    f"{self._endpoint.shown} serves no model", hint="name one with --model"
                )
            self._name = served[0]
        return self._name

    def _several(self, body: dict[str, Any], count: int, cancelled: Callable[[], bool]) -> _Reply:
        """The answer to a request for `count` completions, or for one where `n` is refused."""
        if count > 1 and self._has_several:
            has_logprobs = self._has_logprobs
            reply = self._answered({**body, "n": count}, cancelled)
            if reply.status not in (400, 422):
                return reply
            self._has_several = False
            self._has_logprobs = has_logprobs  # it was not they that were refused
        return self._answered(body, cancelled)

    def _answered(self, body: dict[str, Any], cancelled: Callable[[], bool]) -> _Reply:
        """The answer, asked for without log-probabilities where they are not to be had."""
        if self._has_logprobs:
            reply = self._posted({**body, "logprobs": True}, cancelled)
            if reply.status not in (400, 422):
                return reply
            self._has_logprobs = False
        return self._posted(body, cancelled)

    def _posted(
        self,
        body: dict[str, Any],
        cancelled: Callable[[], bool],
        path: str = "chat/completions",
    ) -> _Reply:
        for wait_s in _RETRY_WAITS_S:
            reply = self._sent("POST", path, body, cancelled)
            if reply.status not in _RETRY_STATUS:
                return reply
            _wait(wait_s, cancelled)
        return self._sent("POST", path, body, cancelled)

    def _sent(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        cancelled: Callable[[], bool] = never,
    ) -> _Reply:
        return _awaited(lambda: self._exchanged(method, path, body), cancelled)

    def _exchanged(self, method: str, path: str, body: dict[str, Any] | None) -> _Reply:
        import httpx

        shown = self._endpoint.shown
        try:
            with self._client.stream(method, f"{self._endpoint.base}/{path}", json=body) as reply:
                return _Reply(reply.status_code, self._read(reply))
        except httpx.ConnectError as error:
            raise BackendUnreachable(
                f"nobody answers at {shown}", hint="is the server running?"
            ) from error
        except httpx.TimeoutException as error:
            raise self._too_slow() from error
        except httpx.HTTPError as error:
            # The name alone: some of these messages quote headers.
            raise BackendUnreachable(
                f"{shown} broke off ({type(error).__name__})", hint="try again"
            ) from error

    def _read(self, reply: httpx.Response) -> bytes:
        """The body. httpx bounds each read; here the whole is bounded, in bytes and seconds."""
        deadline = time.monotonic() + self._timeout_s
        body = b""
        for part in reply.iter_bytes():
            body += part
            if len(body) > _REPLY_MAX:
                raise BackendError(f"{self._endpoint.shown} sent far more than an answer")
            if time.monotonic() > deadline:
                raise self._too_slow()
        return body

    def _too_slow(self) -> BackendTimeout:
        return BackendTimeout(
            f"no answer from {self._endpoint.shown} within {self._timeout_s:g} s",
            hint="set timeout_s higher",
        )

    def _decoded(self, reply: _Reply) -> dict[str, Any]:
        if reply.status != 200:
            raise self._refused(reply)
        document = _json(reply.body)
        if not isinstance(document, dict):
            raise BackendError(
                f"{self._endpoint.shown} did not answer with a JSON object",
                hint="is this the base URL of an OpenAI-compatible server?",
            )
        return document

    def _refused(self, reply: _Reply) -> BackendError:
        shown, status = self._endpoint.shown, reply.status
        if status in (401, 403):
            return BackendError(
                f"{shown} refused the key (HTTP {status})", hint="set CLI_TUNER_API_KEY"
            )
        if status == 404:
            return BackendError(
                f"{shown} has no model {self._name or 'at all'}, or is no such endpoint",
                hint="name a model that it serves with --model",
            )
        if 300 <= status < 400:
            return BackendError(
                f"{shown} redirects elsewhere (HTTP {status})", hint="give the URL it leads to"
            )
        reason = self._endpoint.without_secrets(_reason(reply.body))
        return BackendError(f"{shown} answered with HTTP {status}{reason and f': {reason}'}")

    @contextmanager
    def _understanding(self) -> Iterator[None]:
        """Turns an answer of another shape into a sentence."""
        try:
            yield
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise BackendError(
                f"{self._endpoint.shown} did not answer as OpenAI's interface does"
            ) from error

    def _outputs(
        self, request: NormalizedRequest, reply: dict[str, Any], most: int, elapsed_ms: float
    ) -> tuple[RawModelOutput, ...]:
        """The completions in an answer, which tells their tokens all together."""
        choices = reply["choices"][:most]
        usage = reply.get("usage") or {}
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
        texts = [choice["message"].get("content") for choice in choices]
        if not texts or not all(isinstance(text, str | None) for text in texts):
            raise TypeError("content is no text")
        return tuple(
            RawModelOutput(
                request_id=request.request_id,
                text=text or "",
                finish=Finish.LENGTH if choice.get("finish_reason") == "length" else Finish.STOP,
                prompt_tokens=0 if number else int(usage.get("prompt_tokens") or 0),
                cached_tokens=0 if number else int(cached or 0),
                completion_tokens=int(usage.get("completion_tokens") or 0) // len(texts),
                mean_logprob=_mean_logprob(choice),
                decode_ms=elapsed_ms / len(texts),
                model=self.identity,
            )
            for number, (choice, text) in enumerate(zip(choices, texts, strict=True))
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _mean_logprob(choice: dict[str, Any]) -> float | None:
    tokens = (choice.get("logprobs") or {}).get("content") or []
    logprobs = [float(token["logprob"]) for token in tokens]
    return min(0.0, sum(logprobs) / len(logprobs)) if logprobs else None


def _awaited(work: Callable[[], _Reply], cancelled: Callable[[], bool]) -> _Reply:
    """What `work` returns or raises; it runs in a thread of its own, which nobody has to wait for.

    A signal that arrives between Python's last look and a blocking read is not heard before the
    read ends; a wait with a timeout looks again.
    """
    future: Future[_Reply] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001
            future.set_exception(error)

    # The caller's context goes along: the trace that the request is a part of is in it.
    context = copy_context()
    threading.Thread(target=context.run, args=(run,), daemon=True).start()
    while not wait((future,), _CANCEL_POLL_S).done:
        if cancelled():
            raise Cancelled("cancelled")
    return future.result()


def _wait(seconds: float, cancelled: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if cancelled():
            raise Cancelled("cancelled")
        time.sleep(_CANCEL_POLL_S)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _reason(body: bytes) -> str:
    """What the server says is wrong, if it says so in one of the usual places."""
    document = _json(body)
    if not isinstance(document, dict):
        return ""
    said = document.get("error", document.get("message", document.get("detail")))
    if isinstance(said, dict):
        said = said.get("message")
    return " ".join(said.split())[:_REASON_MAX] if isinstance(said, str) else ""
