"""The Hugging Face Hub, or whatever speaks its protocol at HF_ENDPOINT.

Two requests: HEAD tells at once whether the place answers and which digest it is about to send,
GET with a range continues where the partial file ends. Plain HTTP rather than the Hub's client
library, whose downloads into a folder no longer resume and which reads its environment once, at
import. Honoured: HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, and the proxy and certificate variables
that httpx knows.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, urljoin, urlsplit

from cli_tuner.errors import FetchError
from cli_tuner.models.digest import short
from cli_tuner.models.entry import HubPin
from cli_tuner.models.sources import Order

if TYPE_CHECKING:
    import httpx

ENDPOINT = "https://huggingface.co"
PROBE_S = 5.0  # what a machine without network waits before the next source is tried
READ_S = 30.0
ATTEMPTS = 3  # in a row without a single new byte
PAUSE_S = 0.5
_CHUNK_BYTES = 1 << 18
_REDIRECTS = 5
_TRUE = frozenset({"1", "on", "yes", "true"})


class Hub:
    """Fetches an entry's file from its pinned repository and revision."""

    name = "Hugging Face Hub"

    def bring(self, order: Order) -> None:
        """Continue the partial file. See `Source.bring`."""
        pin = order.entry.hub
        if pin is None:
            raise FetchError("it is not there")
        if order.environ.get("HF_HUB_OFFLINE", "").strip().lower() in _TRUE:
            raise FetchError("skipped, HF_HUB_OFFLINE is set")
        url = file_url(endpoint_of(order.environ), pin, order.entry.file)
        headers = _headers(order.environ)
        with _client() as client:
            _within(PROBE_S, lambda: _check_announcement(client, url, headers, order))
            with order.partial.open("ab") as partial:
                _download(client, url, headers, order, partial)


def endpoint_of(environ: Mapping[str, str]) -> str:
    """The Hub's address. Raises FetchError if HF_ENDPOINT is not one."""
    endpoint = environ.get("HF_ENDPOINT", "").strip().rstrip("/") or ENDPOINT
    if urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).netloc:
        raise FetchError(f"HF_ENDPOINT is not an http(s) address: {endpoint}")
    return endpoint


def file_url(endpoint: str, pin: HubPin, file: str) -> str:
    """Where the Hub serves a file."""
    return f"{endpoint}/{pin.repo}/resolve/{quote(pin.revision, safe='')}/{quote(file)}"


def _headers(environ: Mapping[str, str]) -> dict[str, str]:
    token = environ.get("HF_TOKEN", "").strip()
    headers = {"Accept-Encoding": "identity", "User-Agent": "cli-tuner"}
    return headers | ({"Authorization": f"Bearer {token}"} if token else {})


@contextmanager
def _client() -> Iterator[httpx.Client]:
    import httpx

    try:
        client = httpx.Client(
            timeout=httpx.Timeout(READ_S, connect=PROBE_S), follow_redirects=False
        )
    except (ValueError, ImportError, OSError) as error:
        raise FetchError(f"the proxy or certificate settings are wrong: {error}") from error
    with client:
        yield client


def _within(seconds: float, work: Callable[[], None]) -> None:
    """Do the work, but wait no longer than this: a name lookup knows no time limit of its own."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  carried over to the waiting thread
            failures.append(error)

    worker = threading.Thread(target=run, name="hub-probe", daemon=True)
    worker.start()
    worker.join(seconds)
    if worker.is_alive():
        raise FetchError(f"no answer within {seconds:g} s")
    if failures:
        raise failures[0]


def _check_announcement(
    client: httpx.Client, url: str, headers: Mapping[str, str], order: Order
) -> None:
    """Ask what would be sent, and refuse another file before its gigabytes arrive."""
    response = _request_head(client, url, headers)
    # not ETag: where the bytes lie, that may be a digest of another kind
    digest = response.headers.get("X-Linked-Etag", "").strip('"')
    if re.fullmatch(r"[0-9a-f]{64}", digest) and digest != order.entry.sha256:
        raise FetchError(
            f"it has another file of that name, {short(digest)}, not {short(order.entry.sha256)}"
        )


def _request_head(client: httpx.Client, url: str, headers: Mapping[str, str]) -> httpx.Response:
    """The first answer that names the file's digest, or that is no redirect."""
    with _reasons(url):
        for _ in range(_REDIRECTS):
            response = client.head(url, headers=dict(headers), timeout=PROBE_S)
            location = response.headers.get("Location")
            if "X-Linked-Etag" in response.headers or not response.is_redirect or not location:
                _refuse_status(response)
                return response
            url, headers = _redirected(url, location, headers)
    raise FetchError(f"more than {_REDIRECTS} redirects")


def _redirected(
    url: str, location: str, headers: Mapping[str, str]
) -> tuple[str, Mapping[str, str]]:
    target = urljoin(url, location)
    if urlsplit(target)[:2] != urlsplit(url)[:2]:  # the token is for the first host alone
        headers = {key: value for key, value in headers.items() if key != "Authorization"}
    return target, headers


@contextmanager
def _reasons(url: str) -> Iterator[None]:
    """Turn what httpx raises into the reason that a person reads."""
    import httpx

    host = urlsplit(url).netloc.rpartition("@")[2]
    try:
        yield
    except httpx.TimeoutException as error:
        raise FetchError(f"{host} does not answer") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FetchError(f"{host} cannot be reached ({detail})") from error


def _refuse_status(response: httpx.Response) -> None:
    status = response.status_code
    if status < 400:
        return
    if status in (401, 403):
        raise FetchError(f"HTTP {status}, access refused; is HF_TOKEN right?")
    if status == 404:
        raise FetchError(f"HTTP 404, there is no {response.request.url.path}")
    raise FetchError(f"HTTP {status} {response.reason_phrase}".rstrip())


def _download(
    client: httpx.Client, url: str, headers: Mapping[str, str], order: Order, partial: BinaryIO
) -> None:
    """Append until the file is complete; go on after a cut as long as new bytes arrive."""
    total = order.entry.size_bytes
    if partial.tell() > total:
        partial.truncate(0)
    failures = 0
    while (start := partial.seek(0, 2)) < total:
        reason = "the connection ended early"
        try:
            _append(client, url, {**headers, "Range": f"bytes={start}-"}, order, partial)
        except _Interrupted as error:
            reason = str(error)
        here = partial.seek(0, 2)
        failures = 0 if here > start else failures + 1
        if failures >= ATTEMPTS:
            raise FetchError(f"{reason} at {here:,} of {total:,} bytes")
        if here < total:
            time.sleep(PAUSE_S * 2**failures)


class _Interrupted(Exception):
    """A request ended before its content did; another one may continue."""


def _append(
    client: httpx.Client, url: str, headers: Mapping[str, str], order: Order, partial: BinaryIO
) -> None:
    """One ranged request, appended. Raises _Interrupted or FetchError."""
    import httpx

    total, done = order.entry.size_bytes, partial.tell()
    try:
        with client.stream("GET", url, headers=dict(headers), follow_redirects=True) as response:
            if response.status_code >= 500 or response.status_code in (408, 429):
                raise _Interrupted(f"HTTP {response.status_code}")
            _refuse_status(response)
            if response.status_code == 200:  # the server knows no ranges: all over again
                done = 0
                partial.truncate(0)
            for chunk in response.iter_raw(_CHUNK_BYTES):
                done += len(chunk)
                if done > total:
                    partial.truncate(0)
                    raise FetchError(f"it sent more than the {total:,} bytes of the file")
                partial.write(chunk)
                order.progress.on_progress(done, total, Hub.name)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _Interrupted(str(error) or type(error).__name__) from error
