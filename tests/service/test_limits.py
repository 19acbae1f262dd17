"""Whatever a caller does, the service goes on answering the others."""

import random
import socket
import threading
import time

import httpx
import pytest

HEAD = b"POST /v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
LIST = {"query": "list all files"}


def malformed(count):
    """Bodies that are nearly right: cut, flipped, nested, of other types and encodings."""
    chance = random.Random(8)
    whole = b'{"command": "rm -rf /tmp/x", "safety": "strict"}'
    fixed = [
        b"",
        b"null",
        b"[]",
        b'"ls"',
        b"{}",
        b'{"command": null}',
        b'{"command": ["ls"]}',
        b'{"command": 1e999}',
        b'{"command": "\\ud800"}',
        b'{"command": "ls", "command": 3}',
        b'{"command": "' + b"\\u0000" * 50 + b'"}',
        b"[" * 30_000,
        b'{"a":' * 5_000,
        b"\xff\xfe\x00",
        b'{"command": "\xff"}',
        b'{"command": NaN}',
        whole.decode().encode("utf-16"),
    ]
    yield from fixed
    for _ in range(count - len(fixed)):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(body))
            body[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        yield bytes(body[: chance.randint(0, len(body))] if chance.random() < 0.3 else body)


def test_a_thousand_malformed_bodies_leave_it_well(serving, capfd):
    running = serving()
    for number, body in enumerate(malformed(1_000)):
        path = ("/v1/check", "/v1/explain", "/v1/feedback", "/v1/chat/completions")[number % 4]
        answered = running.client.post(
            path, content=body, headers={"Content-Type": "application/json"}
        )
        assert answered.status_code in (200, 400, 404, 422), (answered.text, body)
        if answered.status_code != 200:
            assert answered.headers["content-type"] == "application/problem+json"
    assert running.is_well()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        HEAD + b"Content-Length: nonsense\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /%00%ff/../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_closed(serving, sent):
    running = serving(body_timeout_s=1.0)
    answer = running.raw(sent)
    assert answer.split(b" ")[1] in (b"400", b"404"), answer
    assert b"application/problem+json" in answer
    assert running.is_well()


def test_a_body_that_says_it_is_too_large_is_not_read(serving):
    running = serving(body_bytes=1_000)
    answer = running.raw(HEAD + b"Content-Length: 99999999\r\n\r\n")
    assert b" 413 " in answer.splitlines()[0]


def test_a_body_that_grows_too_large_is_not_kept(serving):
    running = serving(body_bytes=1_000)
    chunk = b"400\r\n" + b"x" * 0x400 + b"\r\n"
    answer = running.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3)
    assert b" 413 " in answer.splitlines()[0]
    assert running.is_well()


def test_only_json_is_taken_as_json(serving):
    running = serving()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answered = running.client.post(
            "/v1/check", content=b'{"command": "ls"}', headers={"Content-Type": kind}
        )
        assert answered.status_code == 415


def test_a_head_that_comes_byte_by_byte_is_cut_off_and_others_are_served(serving):
    running = serving(header_timeout_s=0.4)
    slow = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"GET /health HT")
    assert running.is_well()
    time.sleep(0.2)
    for connection in slow:
        connection.sendall(b"T")
    for connection in slow:
        connection.settimeout(5)
        assert b" 408 " in connection.recv(4096)
        connection.close()


def test_silence_is_cut_off_too(serving):
    running = serving(header_timeout_s=0.2)
    assert b" 408 " in running.raw()


def test_a_second_request_on_a_connection_is_bounded_as_the_first(serving):
    running = serving(header_timeout_s=0.3)
    first = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    answer = running.raw(first, b"GET /hea")
    assert b" 200 " in answer
    assert b" 408 " in answer


def test_a_body_that_comes_too_slowly_is_given_up(serving):
    running = serving(body_timeout_s=0.3)
    answer = running.raw(HEAD + b"Content-Length: 100\r\n\r\n{")
    assert b" 408 " in answer.splitlines()[0]
    assert running.is_well()


def test_a_head_without_end_is_given_up(serving):
    running = serving()
    answer = running.raw(b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(9_000)))
    assert b" 431 " in answer.splitlines()[0]


def test_more_connections_than_allowed_are_closed_at_once(serving):
    running = serving(connections=5)
    assert running.is_well()
    idle = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(10)]
    wait_for(lambda: sum(map(is_closed, idle)) >= 5)
    for connection in idle:
        connection.close()
    assert running.is_well()


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def in_background(running, count, **options):
    """So many questions at the same time; their answers are in the list when they are there."""
    answers = []

    def ask():
        with httpx.Client(base_url=running.url, timeout=10) as client:
            answers.append(client.post("/v1/generate", json=LIST, **options))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def test_when_all_places_are_taken_the_next_is_told_to_come_again(serving, held):
    running = serving(backend=held, workers=1, queue=1)
    threads, answers = in_background(running, 2)
    wait_for(lambda: running.service.desk.is_full)
    refused = running.post("/v1/generate", **LIST)
    assert (refused.status_code, refused.json()["code"]) == (429, "busy")
    assert int(refused.headers["retry-after"]) >= 1
    assert running.is_well()
    ready = running.client.get("/ready")
    assert (ready.status_code, ready.json()["parts"]["queue"]) == (503, False)
    held.release.set()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200, 200]


def test_when_the_caller_leaves_the_model_stops(serving, held):
    running = serving(backend=held)
    connection = socket.create_connection(("127.0.0.1", running.port))
    body = b'{"query": "list all files"}'
    head = HEAD.replace(b"/v1/check", b"/v1/generate")
    connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert held.began.acquire(timeout=5)
    connection.close()
    assert held.stopped.wait(5)
    wait_for(lambda: running.service.desk.working == 0)
    assert b"cli_tuner_cancelled_total 1.0" in running.service.metrics.text()
    assert running.is_well()


def test_one_who_leaves_while_waiting_gives_the_place_back(serving, held):
    running = serving(backend=held, workers=1, queue=1)
    threads, _ = in_background(running, 1)
    assert held.began.acquire(timeout=5)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{running.url}/v1/generate", json=LIST, timeout=httpx.Timeout(5, read=0.3))
    wait_for(lambda: running.service.desk.waiting == 0)
    held.release.set()
    threads[0].join()


def test_an_answer_that_takes_too_long_is_given_up(serving, held):
    running = serving(backend=held, request_timeout_s=0.2)
    answered = running.post("/v1/generate", **LIST)
    assert answered.status_code == 504
    assert held.stopped.wait(5)


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
