"""Who may ask for what. Decided from the request's head, before any of its body is read.

    no key was ever made   this machine's loopback alone; everybody on it may do everything
    a key was made once    every request needs one that has the route's scope

Without keys the name in `Host` must be this machine's own too, and a browser's `Origin` the same:
otherwise a web page anywhere could ask a service on its reader's machine, or read its answers by
pointing a name of its own at 127.0.0.1.

Covers: keys, scopes, rates, sessions of the web page, requests forged by other sites.
Does not cover: other users of this machine, who are let in until a key is made.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from cli_tuner.boundaries.rate import RateLimiter
from cli_tuner.service.config import is_loopback
from cli_tuner.service.keys import SCOPES, ApiKey, KeyStore
from cli_tuner.service.problem import Problem

SESSION_COOKIE = "cli_tuner_session"
_SESSION_S = 12 * 3600.0
_SESSIONS_MAX = 1_000

PUBLIC = frozenset(
    {"/health", "/ready", "/openapi.json", "/login", "/logout", "/style.css", "/favicon.ico"}
)
"""Answered for everybody who reaches the port: they say nothing about anybody."""

_SCOPE = {
    "/v1/generate": "generate",
    "/v1/chat/completions": "generate",
    "/v1/models": "generate",
    "/v1/check": "check",
    "/v1/explain": "check",
    "/v1/feedback": "feedback",
    "/metrics": "metrics",
    "/": "generate",
    "/report": "feedback",
    "/monitor": "metrics",
}
ROUTES = PUBLIC | frozenset(_SCOPE)
"""Every route there is. Others are counted as one."""
PAGES = frozenset({"/", "/report", "/monitor"})
"""For people with a browser, who are sent to the login instead of being told 401."""


class Visitor(NamedTuple):
    """Who asks. `name` is what rates and journal know them by."""

    name: str
    scopes: frozenset[str]
    rate: int
    check_rate: int


class Rates(RateLimiter):
    """One bucket for each visitor, as large as that visitor's key says."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(0, clock)
        self._own: dict[str, tuple[int, RateLimiter]] = {}
        self._clock_of_all = clock

    def agree(self, caller: str, per_minute: int) -> None:
        """From now on this caller may ask so often."""
        known = self._own.get(caller)
        if known is None or known[0] != per_minute:
            self._own[caller] = per_minute, RateLimiter(per_minute, self._clock_of_all)

    def wait_s(self, caller: str) -> float:
        """As `RateLimiter.wait_s`."""
        known = self._own.get(caller)
        return 0.0 if known is None else known[1].wait_s(caller)


class Sessions:
    """Browsers that gave a key once. In memory: a restart asks for the key again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def begin(self, key_text: str) -> str:
        """A new session's name."""
        name = secrets.token_urlsafe(32)
        with self._lock:
            self._open[name] = key_text, self._clock() + _SESSION_S
            while len(self._open) > _SESSIONS_MAX:
                self._open.popitem(last=False)
        return name

    def key_text(self, name: str) -> str | None:
        """The key behind a session, if it is open."""
        with self._lock:
            text, until = self._open.get(name, ("", 0.0))
            return text if self._clock() < until else None

    def end(self, name: str) -> None:
        """Forget a session."""
        with self._lock:
            self._open.pop(name, None)


class Access:
    """The door. One for each service."""

    def __init__(self, keys: KeyStore, rate: int) -> None:
        """`rate` is that of everybody on loopback while there are no keys, a minute."""
        self.keys = keys
        self.sessions = Sessions()
        self.rates = Rates()
        self.check_rates = Rates()
        self._anonymous = Visitor("anonymous", frozenset(SCOPES), rate, 0)

    @property
    def needs_key(self) -> bool:
        """Whether a key was ever made."""
        return bool(self.keys.all())

    def admit(self, path: str, method: str, headers: Headers) -> Visitor:
        """Who asks, if they may. Raises Problem 401, 403, 421 or 429."""
        if method not in ("GET", "HEAD"):
            _refuse_other_sites(headers)
        if not self.needs_key:
            _refuse_other_hosts(headers)
            visitor = self._anonymous
        elif path in PUBLIC:
            visitor = self._anonymous._replace(scopes=frozenset())
        else:
            visitor = self._holder(headers)
        self._limit(path, visitor)
        return visitor

    def _holder(self, headers: Headers) -> Visitor:
        key = self.keys.holder(self._key_text(headers))
        if key is None:
            raise Problem(401, "this needs a valid API key", code="no_key")
        return visitor_of(key)

    def _key_text(self, headers: Headers) -> str:
        kind, _, text = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return text.strip()
        session = session_in(headers)
        return (self.sessions.key_text(session) if session else None) or ""

    def _limit(self, path: str, visitor: Visitor) -> None:
        """Refuse what the visitor's scopes do not cover, or what comes too fast."""
        if path in PUBLIC:
            return
        scope = _SCOPE.get(path)
        self.rates.agree(visitor.name, visitor.rate)  # taken at boundary 1
        if scope is not None:
            self.let_through(visitor, scope)

    def let_through(self, visitor: Visitor, scope: str) -> None:
        """Raise Problem 403 without that scope, 429 for judgements and reports too fast."""
        if scope not in visitor.scopes:
            raise Problem(403, f'this key lacks the scope "{scope}"', code="scope_missing")
        if scope not in ("check", "feedback"):
            return
        self.check_rates.agree(visitor.name, visitor.check_rate)
        wait_s = self.check_rates.wait_s(visitor.name)
        if wait_s > 0:
            raise Problem(
                429, "too many requests", code="rate_limited", retry_after_s=int(wait_s) + 1
            )


def visitor_of(key: ApiKey) -> Visitor:
    """The visitor who holds this key."""
    return Visitor(f"key:{key.id}", frozenset(key.scopes), key.rate, key.check_rate)


def session_in(headers: Headers) -> str | None:
    """The session's name in a browser's cookies."""
    text = headers.get("cookie")
    if not text:
        return None
    try:
        found = SimpleCookie(text).get(SESSION_COOKIE)
    except CookieError:
        return None
    return found.value if found else None


def _refuse_other_hosts(headers: Headers) -> None:
    host = headers.get("host", "")
    if not is_loopback(_hostname(f"//{host}")):
        raise Problem(
            421,
            "without API keys only this machine's loopback is answered; see: cli-tuner keys",
            code="wrong_host",
        )


def _refuse_other_sites(headers: Headers) -> None:
    """A browser says where a form or a script came from; other programs say nothing."""
    origin = headers.get("origin")
    same = origin is None or urlsplit_netloc(origin) == headers.get("host", "").lower()
    if not same or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Problem(403, "this came from a page of another site", code="other_site")


def urlsplit_netloc(url: str) -> str | None:
    """Host and port of a URL; None for what is none."""
    try:
        return urlsplit(url).netloc.lower() or None
    except ValueError:
        return None


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
