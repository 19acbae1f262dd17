"""What the Hub's library raises, as what a person reads: one line, no token, no signed address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from cli_tuner.errors import CliTunerError, HubLogin, HubRefused, HubUnreachable, PublishError

LOGIN_HINT = (
    "set HF_TOKEN to a token that may write (Hub: Settings, Access Tokens), or: hf auth login"
)
_ROOM_HINT = "free some storage of this account, or publish below another owner"
_RIGHTS_HINT = "use a token with write access to the repository's owner"
_AGAIN = "run the same command again: what arrived is not sent twice"
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_QUOTA = frozenset({402, 413, 507})
_QUOTA_WORDS = re.compile(
    r"quota|storage limit|storage full|out of (?:space|storage)", re.IGNORECASE
)
_SECRET = re.compile(r"hf_\w{6,}|(?:https?://\S+)|Bearer \S+")


class Transient(HubUnreachable):
    """It may work in a moment. `retry_after_s` is what the server asked for, if it did."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=_AGAIN)
        self.retry_after_s = retry_after_s


@contextmanager
def reasons(doing: str) -> Iterator[None]:
    """Turn whatever the Hub's library raises into a PublishError that says what was being done."""
    try:
        yield
    except CliTunerError:
        raise
    except Exception as error:
        raise _reason(doing, error) from error


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind an error, if there is one in its chain."""
    response = next((found for link in _chain(error) if (found := _response(link))), None)
    return None if response is None else int(response.status_code)


def _reason(doing: str, error: Exception) -> PublishError:
    chain = list(_chain(error))
    for link in chain:
        if (response := _response(link)) is not None:
            return _by_status(doing, response, link)
    if any(type(link).__name__ == "OfflineModeIsEnabled" for link in chain):
        return offline()
    text = _brief(chain[-1])
    refusal = _by_words(doing, text)
    if refusal is not None:
        return refusal
    if any(_is_transport(link) for link in chain):
        return Transient(f"{doing}: the connection failed ({text})")
    local = next((link for link in chain if isinstance(link, OSError) and link.filename), None)
    if local is not None:
        return PublishError(f"{doing}: {local.filename}: {local.strerror}")
    return PublishError(f"{doing}: {text}")


def offline() -> HubLogin:
    """The error for HF_HUB_OFFLINE."""
    return HubLogin(
        "HF_HUB_OFFLINE is set, so nothing can be uploaded",
        hint="unset it, or use --dry-run, which needs no network",
    )


def _by_status(doing: str, response: Any, error: BaseException) -> PublishError:
    status = int(response.status_code)
    said = _said(response, error)
    if status in _QUOTA or (status in (400, 403) and _QUOTA_WORDS.search(said)):
        return HubRefused(
            f"{doing}: the Hub has no room for it (HTTP {status}{said})",
            hint=_ROOM_HINT,
        )
    if status == 401:
        return HubLogin(f"{doing}: the Hub does not accept this token (HTTP 401)", hint=LOGIN_HINT)
    if status == 403:
        return HubRefused(
            f"{doing}: this token may not do that (HTTP 403{said})",
            hint=_RIGHTS_HINT,
        )
    if status == 412:
        return Transient(f"{doing}: somebody else changed the repository meanwhile")
    if status in _PASSING:
        return Transient(
            f"{doing}: the Hub answered HTTP {status}{said}",
            retry_after_s=_seconds(response.headers.get("Retry-After")),
        )
    return HubRefused(f"{doing}: the Hub answered HTTP {status}{said or _phrase(status)}")


def _by_words(doing: str, text: str) -> PublishError | None:
    """Refusals that carry no response: those of the Xet library, and those inside an answer."""
    if _QUOTA_WORDS.search(text) or re.search(r"\b(?:402|413|507) [A-Z]", text):
        return HubRefused(f"{doing}: the Hub has no room for it ({text})", hint=_ROOM_HINT)
    if "401 Unauthorized" in text:
        return HubLogin(f"{doing}: the Hub does not accept this token ({text})", hint=LOGIN_HINT)
    if "403 Forbidden" in text:
        return HubRefused(f"{doing}: this token may not do that ({text})", hint=_RIGHTS_HINT)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, outermost first."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _response(error: BaseException) -> Any:
    response = getattr(error, "response", None)
    return response if hasattr(response, "status_code") else None


def _is_transport(error: BaseException) -> bool:
    """Whether it is a failed connection: an error of httpx, whichever it is, or of Python."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, ConnectionError | TimeoutError) or "TransportError" in names


def _said(response: Any, error: BaseException) -> str:
    """What the server said about it, in one clean line that begins with ': ', or nothing."""
    said = response.headers.get("X-Error-Message") or getattr(error, "server_message", None) or ""
    return f": {_clean(said)}" if said.strip() else ""


def _brief(error: BaseException) -> str:
    return _clean(str(error)) or type(error).__name__


def _clean(text: str) -> str:
    line = " ".join(_SECRET.sub("...", text).split())
    return line if len(line) <= 200 else f"{line[:200]}..."


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.strip().isdigit() else None
