"""One JSON line there, one back, and neither side trusts the other."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from cli_tuner import errors
from cli_tuner.backends import wire
from cli_tuner.errors import BackendError, CliTunerError, ModelMissing

TREE = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, CliTunerError)
]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(5)
        there.settimeout(5)
        yield here, there


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"op": "hello"},
        {"text": "naïve 文 \U0001f600 \udce4", "n": [1, None, True, 1.5]},
        {"line": "one\ntwo\r\n", "nul": "\0"},
        {"long": "x" * 300_000},
    ],
)
def test_what_is_sent_arrives(pair, message):
    here, there = pair
    sender = threading.Thread(target=wire.send, args=(here, message))
    sender.start()
    assert wire.receive(there) == message
    sender.join()


def test_a_message_in_pieces_is_one_message(pair):
    here, there = pair

    def drip() -> None:
        for byte in b'{"a": 1}\n':
            here.sendall(bytes([byte]))

    sender = threading.Thread(target=drip)
    sender.start()
    assert wire.receive(there, within_s=5) == {"a": 1}
    sender.join()


@pytest.mark.parametrize("sent", [b"", b"{", b'{"op": "hel', b"{}"])
def test_a_peer_that_leaves_before_the_line_ends_has_said_nothing(pair, sent):
    here, there = pair
    here.sendall(sent)
    here.close()
    assert wire.receive(there) is None


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"\n", "not JSON"),
        (b"hello\n", "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
        (b"{}\n{}\n", "not JSON"),
        (b"[" * 100_000 + b"\n", "not JSON"),
        (b"[]\n", "not an object"),
        (b"null\n", "not an object"),
        (b'"text"\n', "not an object"),
        (b"7\n", "not an object"),
    ],
)
def test_what_is_no_message_is_a_backend_error(pair, sent, said):
    here, there = pair
    sender = threading.Thread(target=here.sendall, args=(sent,))
    sender.start()
    time.sleep(0.05)
    with pytest.raises(BackendError, match=said):
        wire.receive(there)
    sender.join()


def test_an_endless_line_is_given_up(pair, monkeypatch):
    monkeypatch.setattr(wire, "MAX_LINE", 1000)
    here, there = pair
    here.sendall(b"x" * 2000)
    with pytest.raises(BackendError, match="too long"):
        wire.receive(there)


def test_a_message_that_nobody_would_read_is_not_sent(pair, monkeypatch):
    monkeypatch.setattr(wire, "MAX_LINE", 1000)
    here, there = pair
    with pytest.raises(BackendError, match="too long"):
        wire.send(here, {"query": "x" * 2000})
    there.setblocking(False)
    with pytest.raises(BlockingIOError):
        there.recv(1)


def test_who_sends_a_byte_now_and_then_does_not_hold_the_reader_for_ever(pair):
    here, there = pair
    over = threading.Event()

    def drip() -> None:
        while not over.wait(0.05):
            here.sendall(b" ")

    sender = threading.Thread(target=drip)
    sender.start()
    began = time.monotonic()
    try:
        with pytest.raises(TimeoutError):
            wire.receive(there, within_s=0.3)
    finally:
        over.set()
        sender.join()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("hint", [None, "run: cli-tuner setup"])
def test_an_error_crosses_with_its_class_sentence_and_hint(kind, hint):
    packed = json.loads(json.dumps(wire.failure(kind("it broke", hint=hint))))
    with pytest.raises(CliTunerError) as caught:
        wire.raise_failure(packed)
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.hint) == ("it broke", hint)


@pytest.mark.parametrize(
    "kind",
    [
        *("SystemExit", "KeyboardInterrupt", "Exit", "IntEnum", "socket", "os", "object"),
        *("__builtins__", "__class__", "", "annotations", "Nobody", None, 7, ["ModelMissing"]),
    ],
)
def test_a_class_that_is_not_of_our_tree_becomes_a_backend_error(kind):
    with pytest.raises(CliTunerError) as caught:
        wire.raise_failure({"error": {"kind": kind, "message": "m", "hint": None}})
    assert type(caught.value) is BackendError


@pytest.mark.parametrize("packed", ["broken", 7, [], ["kind"], False])
def test_an_error_of_another_shape_is_still_an_error(packed):
    with pytest.raises(BackendError):
        wire.raise_failure({"error": packed})


def test_an_error_without_its_fields_is_still_that_error():
    with pytest.raises(ModelMissing):
        wire.raise_failure({"error": {"kind": "ModelMissing", "hint": {"a": 1}}})


def test_a_message_without_error_raises_nothing():
    wire.raise_failure({"response": {}, "error": None})
