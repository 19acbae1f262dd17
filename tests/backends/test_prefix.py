"""What was read of the prefix outlives the process, changes no answer, and its loss is no error."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.quantize.conftest import write_base

from cli_tuner.backends import embedded
from cli_tuner.backends.embedded import EmbeddedBackend
from cli_tuner.backends.prefix import Control, KeptPrefix
from cli_tuner.backends.protocol import Sampling
from cli_tuner.records import ModelIdentity, NormalizedRequest, RawModelOutput

QUERIES = ("list files", "show the date", "list folders")
Ask = Callable[..., list[RawModelOutput]]


class FakeServer:
    """Saves and restores files as the engine's server does, or refuses to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str, bool]] = []
        self.refuses = False
        self.content = b"state"
        self.control = Control(folder / "s.sock", "key-1")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.control.socket))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                data = b""
                while b"\r\n\r\n" not in data or not data.endswith(b"}"):
                    data += connection.recv(4096)
                head, _, body = data.partition(b"\r\n\r\n")
                action = head.split()[1].decode()
                name = json.loads(body)["filename"]
                self.asked.append((action, name, b"Authorization: Bearer key-1" in head))
                if self.refuses:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n{}")
                    continue
                if action.endswith("save"):
                    (self.folder / name).write_bytes(self.content)
                connection.sendall(b'HTTP/1.1 200 OK\r\n\r\n{"n": 1}')

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeServer]:
    found = FakeServer(tmp_path)
    yield found
    found.close()


def states(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.state"))


def test_what_one_process_kept_the_next_one_restores(server: FakeServer, tmp_path: Path) -> None:
    first = KeptPrefix(tmp_path, ("model",), server.control)
    assert not first.restore(0)
    first.keep(2)
    first.keep(2)
    (name,) = states(tmp_path)
    assert name.endswith(f"-{hashlib.sha256(b'state').hexdigest()[:32]}.state")
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    second = KeptPrefix(tmp_path, ("model",), server.control)
    assert second.restore(0)
    second.keep(0)
    assert [(action, with_key) for action, _, with_key in server.asked] == [
        ("/slots/2?action=save", True),
        ("/slots/0?action=restore", True),
    ]
    assert not list(tmp_path.glob("*.new"))


def test_another_model_engine_or_setting_has_another_file(
    server: FakeServer, tmp_path: Path
) -> None:
    KeptPrefix(tmp_path, ("model", 2), server.control).keep(0)
    assert not KeptPrefix(tmp_path, ("model", 4), server.control).restore(0)
    assert KeptPrefix(tmp_path, ("model", 2), server.control).restore(0)


def test_a_damaged_file_is_removed_and_never_shown_to_the_engine(
    server: FakeServer, tmp_path: Path
) -> None:
    KeptPrefix(tmp_path, ("model",), server.control).keep(0)
    (name,) = states(tmp_path)
    (tmp_path / name).write_bytes(b"stat!")
    server.asked.clear()
    assert not KeptPrefix(tmp_path, ("model",), server.control).restore(0)
    assert (server.asked, states(tmp_path)) == ([], [])


def test_a_file_that_the_engine_refuses_is_removed_and_made_again(
    server: FakeServer, tmp_path: Path
) -> None:
    KeptPrefix(tmp_path, ("model",), server.control).keep(0)
    server.refuses = True
    again = KeptPrefix(tmp_path, ("model",), server.control)
    assert not again.restore(0)
    assert states(tmp_path) == []
    again.keep(0)
    assert states(tmp_path) == []
    server.refuses = False
    KeptPrefix(tmp_path, ("model",), server.control).keep(0)
    assert len(states(tmp_path)) == 1


def test_only_the_latest_files_stay(server: FakeServer, tmp_path: Path) -> None:
    for number in range(12):
        KeptPrefix(tmp_path, (number,), server.control).keep(0)
    assert len(states(tmp_path)) == 8
    assert KeptPrefix(tmp_path, (11,), server.control).restore(0)


def test_without_anybody_there_nothing_is_kept_and_nothing_raised(tmp_path: Path) -> None:
    gone = KeptPrefix(tmp_path, ("model",), Control(tmp_path / "none.sock", "key"))
    gone.keep(0)
    assert not gone.restore(0)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def ask(
    tmp_path: Path, request_for: Callable[[str], NormalizedRequest], monkeypatch: Any
) -> Iterator[Ask]:
    """A new engine with a small model, asked these queries in turn."""
    pytest.importorskip("xllamacpp")
    model, private = tmp_path / "m.gguf", tmp_path / "p"
    write_base(model)
    private.mkdir(mode=0o700)
    anchored: list[int] = []
    was = embedded._anchoring
    monkeypatch.setattr(embedded, "_anchoring", lambda slot: anchored.append(slot) or was(slot))

    def go(*queries: str, sha256: str | None = "a" * 64, kept: bool = True) -> Any:
        identity = ModelIdentity(name="m", sha256=sha256, backend="local", engine="test")
        folder = tmp_path / "states"
        folder.mkdir(mode=0o700, exist_ok=True)
        backend = EmbeddedBackend(
            model, identity, private=private, threads=1, states=folder if kept else None
        )
        anchored.clear()
        try:
            said = [
                backend.complete(request_for(query), Sampling(max_new_tokens=8))
                for query in queries
            ]
        finally:
            backend.close()
        go.anchored = list(anchored)  # type: ignore[attr-defined]
        return said

    yield go


def told(outputs: list[RawModelOutput]) -> list[tuple[str, float | None, int]]:
    return [(one.text, one.mean_logprob, one.prompt_tokens) for one in outputs]


def test_a_restarted_engine_gives_the_same_answers_to_the_last_bit(
    ask: Any, tmp_path: Path
) -> None:
    without = told(ask(*QUERIES, kept=False))
    assert told(ask(*QUERIES)) == without
    assert len(states(tmp_path / "states")) == 1
    assert ask.anchored[0] == 0
    outputs = ask(*QUERIES)
    assert told(outputs) == without
    assert outputs[0].cached_tokens > 20
    assert ask.anchored == []
    for query, wanted in zip(QUERIES, without, strict=True):
        assert told(ask(query)) == [wanted]


def test_a_query_that_begins_as_the_anchor_does_is_read_as_ever(ask: Any) -> None:
    without = told(ask("< in", kept=False))
    ask("list")
    assert told(ask("< in")) == without
    assert ask.anchored == [0]


def test_weights_without_a_digest_keep_nothing(ask: Any, tmp_path: Path) -> None:
    ask("list", sha256=None)
    assert states(tmp_path / "states") == []


def test_a_file_of_other_weights_is_not_taken(ask: Any, tmp_path: Path) -> None:
    ask("list")
    ask("list", sha256="b" * 64)
    assert len(states(tmp_path / "states")) == 2
    assert ask.anchored == [0]
