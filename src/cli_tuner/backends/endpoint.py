"""The address of an endpoint: what is requested, what is sent along, and what may be shown."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from cli_tuner.errors import UsageError

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")
_KEY = re.compile(r"[!-~]+")


class Endpoint(NamedTuple):
    """One endpoint. Secrets are in `headers` alone, which nothing shows."""

    base: str
    shown: str
    headers: dict[str, str]
    secrets: tuple[str, ...]
    is_loopback: bool

    def __repr__(self) -> str:
        return f"Endpoint({self.shown})"

    @classmethod
    def of(cls, url: str, api_key: str | None = None) -> Endpoint:
        """Read a URL, with or without `/v1`; a user and password in it are sent, never shown.

        Raises UsageError for what is no URL of an endpoint, and for a secret that would travel
        unencrypted to another machine.
        """
        parts, host = _split(url)
        is_loopback = _LOOPBACK.fullmatch(host) is not None
        if api_key is not None and not _KEY.fullmatch(api_key):
            raise UsageError("CLI_TUNER_API_KEY has characters that no key has")
        headers, secrets = _authorization(parts, api_key)
        if headers and parts.scheme == "http" and not is_loopback:
            raise UsageError(
                "an API key or password is not sent over unencrypted http", hint="use an https URL"
            )
        place = f"[{host}]" if ":" in host else host
        shown = f"{parts.scheme}://{place}" + (f":{parts.port}" if parts.port else "")
        path = parts.path.rstrip("/")
        base = f"{shown}{path}" if path.endswith("/v1") else f"{shown}{path}/v1"
        return cls(base, shown, headers, secrets, is_loopback)

    def without_secrets(self, text: str) -> str:
        """The text with what must not be shown blotted out: a server may quote it."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def _split(url: str) -> tuple[SplitResult, str]:
    # The URL itself is not quoted in an error: it may hold a password.
    wrong = UsageError(
        "--backend must be local or an http(s) URL", hint="as in http://localhost:8000/v1"
    )
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[!-~]+", url):
        raise wrong
    if parts.query or parts.fragment:
        raise UsageError("--backend must be a URL without ? and #")
    return parts, host


def _authorization(
    parts: SplitResult, api_key: str | None
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The header, and the texts in it that nobody may see. A key goes before a password."""
    if api_key:
        return {"Authorization": f"Bearer {api_key}"}, (api_key,)
    if parts.username is None and parts.password is None:
        return {}, ()
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    packed = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    hidden = tuple(text for text in (packed, password, user) if text)
    return {"Authorization": f"Basic {packed}"}, hidden
