"""An OpenAI-compatible endpoint: vLLM, llama-server, Ollama, or a cluster of them.

The chat interface is used, since all of them have it; the endpoint applies the model's own chat
template, which is ours (a test compares the two token for token).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from cli_tuner.backends.protocol import Sampling, never
from cli_tuner.errors import BackendError, BackendTimeout, BackendUnreachable, Cancelled, UsageError
from cli_tuner.prompt import STOP, to_messages
from cli_tuner.records import Finish, ModelIdentity, NormalizedRequest, RawModelOutput

_RETRY_STATUS = frozenset({429, 502, 503, 504})
_CONNECT_TIMEOUT_S = 5.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class HttpBackend:
    """One endpoint. `url` is its base, with or without `/v1`."""

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 120.0,
    ) -> None:
        """`model` None means the first one that the endpoint serves.

        Raises UsageError for a URL that is not one, or that would send a key in the clear."""
        import httpx

        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"--backend must be local or an http(s) URL, not {url}")
        if api_key and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise UsageError(
                "an API key is not sent over unencrypted http", hint="use an https URL"
            )
        base = url.rstrip("/")
        self._url = base if base.endswith("/v1") else f"{base}/v1"
        # Credentials in a URL are for the endpoint, not for the journal.
        self._shown = f"{parts.scheme}://{parts.hostname}" + (
            f":{parts.port}" if parts.port else ""
        )
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(
            headers=headers, timeout=httpx.Timeout(timeout_s, connect=_CONNECT_TIMEOUT_S)
        )
        self._name = model
        self._timeout_s = timeout_s

    @property
    def identity(self) -> ModelIdentity:
        """What was asked for; a remote's weights cannot be digested from here.

        Raises as `complete` does if the endpoint has to be asked what it serves.
        """
        return ModelIdentity(name=self._model(), backend=self._shown, engine="openai-compatible")

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        """One completion; a busy endpoint is asked twice more, after waiting."""
        if cancelled():
            raise Cancelled("cancelled")
        body: dict[str, Any] = {
            "model": self._model(),
            "messages": to_messages(request.query),
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "logprobs": True,
            "stop": [STOP],
        }
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        began = time.perf_counter()
        reply = self._posted(body, cancelled)
        elapsed_ms = (time.perf_counter() - began) * 1000
        try:
            return self._output(request, reply, elapsed_ms)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise BackendError(
                f"{self._shown} did not answer as OpenAI's interface does"
            ) from error

    def _model(self) -> str:
        if self._name is None:
            served = self._asked("GET", "models").get("data") or []
            if not served or "id" not in served[0]:
                raise BackendError(f"{self._shown} serves no model", hint="name one with --model")
            self._name = str(served[0]["id"])
        return self._name

    def _posted(self, body: dict[str, Any], cancelled: Callable[[], bool]) -> dict[str, Any]:
        for wait_s in (0.5, 1.5, None):
            response = self._sent("POST", "chat/completions", body)
            if response.status_code not in _RETRY_STATUS or wait_s is None:
                break
            if cancelled():
                raise Cancelled("cancelled")
            time.sleep(wait_s)
        return self._decoded(response)

    def _asked(self, method: str, path: str) -> dict[str, Any]:
        return self._decoded(self._sent(method, path, None))

    def _sent(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        import httpx

        try:
            return self._client.request(method, f"{self._url}/{path}", json=body)
        except httpx.ConnectError as error:
            raise BackendUnreachable(
                f"nobody answers at {self._shown}", hint="is the server running?"
            ) from error
        except httpx.TimeoutException as error:
            raise BackendTimeout(
                f"no answer from {self._shown} within {self._timeout_s:g} s"
            ) from error
        except httpx.HTTPError as error:
            raise BackendUnreachable(f"{self._shown}: {error}") from error

    def _decoded(self, response: Any) -> dict[str, Any]:
        status = response.status_code
        if status in (401, 403):
            raise BackendError(f"{self._shown} refused the key", hint="set CLI_TUNER_API_KEY")
        if status == 404:
            raise BackendError(
                f"{self._shown} has no model {self._name or 'at all'} or is no such endpoint",
                hint="name a model that it serves with --model",
            )
        if status != 200:
            raise BackendError(f"{self._shown} answered with HTTP status {status}")
        try:
            reply = response.json()
        except ValueError as error:
            raise BackendError(f"{self._shown} did not answer with JSON") from error
        if not isinstance(reply, dict):
            raise BackendError(f"{self._shown} did not answer with a JSON object")
        return reply

    def _output(
        self, request: NormalizedRequest, reply: dict[str, Any], elapsed_ms: float
    ) -> RawModelOutput:
        choice = reply["choices"][0]
        tokens = (choice.get("logprobs") or {}).get("content") or []
        logprobs = [float(token["logprob"]) for token in tokens]
        usage = reply.get("usage") or {}
        return RawModelOutput(
            request_id=request.request_id,
            text=str(choice["message"].get("content") or ""),
            finish=Finish.LENGTH if choice.get("finish_reason") == "length" else Finish.STOP,
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
            mean_logprob=min(0.0, sum(logprobs) / len(logprobs)) if logprobs else None,
            decode_ms=elapsed_ms,
            model=self.identity,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
