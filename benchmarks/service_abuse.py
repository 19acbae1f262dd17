"""What must not hurt a service: malformed bodies, callers that dawdle, an engine that is killed.

Each is done to a service process with the real model `fast`, while somebody else goes on asking it.
Part of `benchmarks/service_load.py`; used from there.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx

BODIES, SLOW_CALLERS, SLOW_S = 1_000, 400, 15.0
BACK_S = 60.0
"""In so many seconds an engine that was killed answers again."""
_ROUTES = ("/v1/generate", "/v1/check", "/v1/explain", "/v1/feedback", "/v1/chat/completions")


class Bystander:
    """Somebody who judges a command again and again, on a new connection each time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.statuses: Counter[str] = Counter()
        self.longest_ms = 0.0

    def _ask(self) -> None:
        while not self._ended.wait(0.05):
            began = time.perf_counter()
            try:
                answered = httpx.post(f"{self._url}/v1/check", json={"command": "ls"}, timeout=20)
                self.statuses[str(answered.status_code)] += 1
            except httpx.HTTPError as error:
                self.statuses[type(error).__name__] += 1
            self.longest_ms = max(self.longest_ms, (time.perf_counter() - began) * 1000)

    def __enter__(self) -> Bystander:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)

    @property
    def was_served(self) -> bool:
        """Whether all was as always for them."""
        return set(self.statuses) == {"200"}

    def show(self) -> str:
        """What they got."""
        counts = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return f"meanwhile somebody else got {counts}; longest {self.longest_ms:.0f} ms"


def malformed(url: str, port: int) -> dict[str, Any]:
    """A thousand bodies that are nearly right: cut, flipped, of other types, nested, empty."""
    statuses: Counter[str] = Counter()
    with Bystander(url) as other, httpx.Client(base_url=url, timeout=60) as client:
        for number, body in enumerate(_bodies(BODIES)):
            answered = client.post(
                _ROUTES[number % len(_ROUTES)],
                content=body,
                headers={"Content-Type": "application/json"},
            )
            statuses[str(answered.status_code)] += 1
            json.loads(answered.content)
    print(f"  {BODIES} malformed bodies: {dict(sorted(statuses.items()))}; {other.show()}")
    refused = all(status[0] in "24" for status in statuses)
    return {"statuses": dict(statuses), "met": refused and other.was_served}


def _bodies(count: int) -> Iterator[bytes]:
    chance = random.Random(8)
    right = json.dumps({"query": "", "command": "ls", "messages": [{"role": "user"}], "kind": 1})
    for number in range(count):
        body = bytearray(right.encode())
        kind = number % 5
        if kind == 0:
            del body[chance.randrange(len(body)) :]
        elif kind == 1:
            for _ in range(8):
                body[chance.randrange(len(body))] = chance.randrange(256)
        elif kind == 2:
            body = bytearray(
                json.dumps(chance.choice([None, 7, [], "x", {}, [[]], 1e308])).encode()
            )
        elif kind == 3:
            body = bytearray(b"[" * chance.randrange(1, 20_000))
        else:
            body[0:0] = chance.randbytes(16)
        yield bytes(body)


def slow_loris(url: str, port: int) -> dict[str, Any]:
    """Hundreds of connections that send one byte a second of a head that never ends."""
    sockets: list[socket.socket] = []
    closed = 0
    with Bystander(url) as other:
        for _ in range(SLOW_CALLERS):
            with contextlib.suppress(OSError):
                sockets.append(socket.create_connection(("127.0.0.1", port), timeout=5))
        for one in sockets:
            one.sendall(b"POST /v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
        until = time.monotonic() + SLOW_S
        left = list(sockets)
        while left and time.monotonic() < until:
            time.sleep(1)
            for one in list(left):
                if not _still_open(one):
                    left.remove(one)
                    closed += 1
        for one in sockets:
            one.close()
    print(f"  {len(sockets)} slow callers: {closed} were cut off; {other.show()}")
    return {
        "callers": len(sockets),
        "cut_off": closed,
        "longest_ms": other.longest_ms,
        "met": closed == len(sockets) == SLOW_CALLERS and other.was_served,
    }


def _still_open(one: socket.socket) -> bool:
    try:
        one.sendall(b"a")
        one.setblocking(False)
        try:
            return bool(one.recv(4096)) and False
        except BlockingIOError:
            return True
        finally:
            one.settimeout(5)
    except OSError:
        return False


def killed_engine(url: str, pids: Callable[[], list[int]]) -> dict[str, Any]:
    """The engine's process gets SIGKILL while people wait for answers of it."""
    statuses: Counter[str] = Counter()
    before = set(pids())
    assert before, "no engine runs"
    with Bystander(url) as other, httpx.Client(base_url=url, timeout=90) as client:

        def ask(number: int) -> None:
            body = {"query": f"list all files, newest first, page {number}"}
            statuses[str(client.post("/v1/generate", json=body).status_code)] += 1

        waiting = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in waiting:
            thread.start()
        time.sleep(0.3)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        for thread in waiting:
            thread.join()
        while True:
            answered = client.post("/v1/generate", json={"query": "list all files"})
            back_s = time.monotonic() - killed
            if answered.status_code == 200 or back_s > 2 * BACK_S:
                break
            time.sleep(0.5)
        lives = client.get("/health").status_code == 200
    print(
        f"  killed engine: those who waited got {dict(statuses)}, answers again after"
        f" {back_s:.1f} s; {other.show()}"
    )
    known = set(statuses) <= {"200", "429", "502", "503", "504"}
    is_back = answered.status_code == 200 and back_s <= BACK_S and not before & set(pids())
    return {
        "statuses": dict(statuses),
        "back_s": round(back_s, 1),
        "met": known and is_back and lives and other.was_served,
    }
