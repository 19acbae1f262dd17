"""An OpenAI-compatible endpoint on 127.0.0.1, with all the ways in which it can fail."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from cli_tuner.backends import http
from cli_tuner.backends.http import HttpBackend
from cli_tuner.backends.protocol import Sampling
from cli_tuner.errors import BackendError, BackendTimeout, BackendUnreachable, Cancelled, UsageError
from cli_tuner.prompt import SYSTEM
from cli_tuner.records import Finish

Answer = tuple[int, Any, dict[str, str]]


def chat(text: Any = "ls", **changes: Any) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    return {
        "choices": [choice | changes],
        "usage": {"prompt_tokens": 50, "completion_tokens": 3},
    }


class Served:
    """What the endpoint answers, and what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [(200, chat(), {})]
        self.models: Any = {"data": [{"id": "first"}, {"id": "second"}]}
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.delay_s = 0.0
        self.drip = b""
        self.url = ""

    def answer(self, status: int, body: Any = "", **headers: str) -> None:
        self.answers = [(status, body, headers)]

    @property
    def bodies(self) -> list[Any]:
        return [body for _, _, body in self.asked if body is not None]


class Handler(BaseHTTPRequestHandler):
    served: Served

    def do_GET(self) -> None:
        self.served.asked.append((self.path, dict(self.headers), None))
        status = 200 if self.path == "/v1/models" else 404
        self._reply(status, self.served.models, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.served.asked.append((self.path, dict(self.headers), body))
        answers = self.served.answers
        time.sleep(self.served.delay_s)
        self._reply(*(answers.pop(0) if len(answers) > 1 else answers[0]))

    def _reply(self, status: int, body: Any, headers: dict[str, str]) -> None:
        sent = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if not self.served.drip:
            self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        try:
            self.wfile.write(sent)
            while self.served.drip:
                self.wfile.write(self.served.drip)
                time.sleep(0.05)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    handler = type("Bound", (Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield served
    served.drip = b""
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def backend(served: Served) -> Iterator[Callable[..., HttpBackend]]:
    made: list[HttpBackend] = []

    def make(url: str | None = None, **options: Any) -> HttpBackend:
        made.append(HttpBackend(url or served.url, **{"model": "m", "timeout_s": 5.0} | options))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_RETRY_WAITS_S", (0.01, 0.01))


def test_an_answer_becomes_a_record(served, backend, request_for):
    tokens = [{"token": "l", "logprob": -0.5}, {"token": "s", "logprob": -0.25}]
    served.answer(200, chat("ls -l", logprobs={"content": tokens}))
    output = backend().complete(request_for("list files"), Sampling(max_new_tokens=7))
    assert (output.text, output.finish, output.mean_logprob) == ("ls -l", Finish.STOP, -0.375)
    assert (output.prompt_tokens, output.completion_tokens) == (50, 3)
    assert output.model.name == "m"
    assert output.model.backend == served.url
    assert output.model.sha256 is None
    assert output.decode_ms > 0


def test_what_is_asked_is_the_one_prompt_as_a_chat_greedy_and_bounded(served, backend, request_for):
    backend().complete(request_for("list files"), Sampling(max_new_tokens=7))
    path, headers, body = served.asked[0]
    assert path == "/v1/chat/completions"
    assert "Authorization" not in headers
    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": "list files"},
        ],
        "max_tokens": 7,
        "temperature": 0.0,
        "logprobs": True,
        "stop": ["<|im_end|>"],
    }


def test_a_seed_is_sent_when_there_is_one(served, backend, request_for):
    backend().complete(request_for("list files"), Sampling(temperature=0.8, seed=3))
    assert (served.bodies[0]["seed"], served.bodies[0]["temperature"]) == (3, 0.8)


@pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, {"content": []}])
def test_without_logprobs_there_is_no_confidence(served, backend, request_for, logprobs):
    served.answer(200, chat(logprobs=logprobs))
    assert backend().complete(request_for("list files"), Sampling()).mean_logprob is None


def test_a_server_that_refuses_logprobs_is_asked_without_and_not_bothered_again(
    served, backend, request_for
):
    served.answers = [(400, {"error": {"message": "logprobs unsupported"}}, {}), (200, chat(), {})]
    one = backend()
    assert one.complete(request_for("list files"), Sampling()).text == "ls"
    assert one.complete(request_for("list files"), Sampling()).text == "ls"
    assert ["logprobs" in body for body in served.bodies] == [True, False, False]


def test_length_is_length(served, backend, request_for):
    served.answer(200, chat(finish_reason="length"))
    assert backend().complete(request_for("list files"), Sampling()).finish is Finish.LENGTH


def test_no_content_is_an_empty_text(served, backend, request_for):
    served.answer(200, chat(None))
    assert backend().complete(request_for("list files"), Sampling()).text == ""


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_the_url_may_end_in_v1_or_not(served, backend, request_for, suffix):
    backend(served.url + suffix).complete(request_for("list files"), Sampling())
    assert served.asked[0][0] == "/v1/chat/completions"


def test_without_a_model_the_first_one_served_is_asked_once(served, backend, request_for):
    one = backend(model=None)
    assert one.identity.name == "first"
    one.complete(request_for("list files"), Sampling())
    assert [path for path, _, _ in served.asked] == ["/v1/models", "/v1/chat/completions"]
    assert served.bodies[0]["model"] == "first"


@pytest.mark.parametrize("models", [{}, {"data": []}, {"data": None}])
def test_an_endpoint_without_models_says_to_name_one(served, backend, models):
    served.models = models
    with pytest.raises(BackendError, match=r"serves no model.*--model"):
        _ = backend(model=None).identity


@pytest.mark.parametrize("models", [{"data": [1]}, {"data": {"a": 1}}, {"data": [{}]}, [], 5, "x"])
def test_a_list_of_models_that_is_none_is_a_sentence(served, backend, models):
    served.models = models
    with pytest.raises(BackendError, match="did not answer"):
        _ = backend(model=None).identity


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "refused the key.*CLI_TUNER_API_KEY"),
        (403, "refused the key.*CLI_TUNER_API_KEY"),
        (404, "no model m, or is no such endpoint.*--model"),
        (400, "HTTP 400: too long"),
        (500, "HTTP 500: too long"),
        (418, "HTTP 418: too long"),
        (302, "redirects elsewhere"),
        (204, "HTTP 204"),
    ],
)
def test_a_status_is_a_sentence_and_not_asked_again(served, backend, request_for, status, said):
    served.answer(status, "" if status == 204 else {"error": {"message": "too\nlong"}})
    with pytest.raises(BackendError, match=said):
        backend().complete(request_for("list files"), Sampling())
    assert len(served.bodies) == (2 if status == 400 else 1)  # once more without logprobs


@pytest.mark.parametrize("body", [{"error": "why"}, {"message": "why"}, {"detail": "why"}])
def test_the_servers_reason_is_found_where_servers_put_it(served, backend, request_for, body):
    served.answer(500, body)
    with pytest.raises(BackendError, match="HTTP 500: why"):
        backend().complete(request_for("list files"), Sampling())


@pytest.mark.parametrize("body", ["<html>oops</html>", "", [], {"error": 5}, {"detail": [{}]}])
def test_a_status_without_a_reason_is_said_alone(served, backend, request_for, body):
    served.answer(500, body)
    with pytest.raises(BackendError) as caught:
        backend().complete(request_for("list files"), Sampling())
    assert str(caught.value).endswith("answered with HTTP 500")


@pytest.mark.parametrize(
    "body",
    [
        *("<html>hello</html>", "", "{", "null", "[]", "7", "[" * 50_000, "\x00"),
        *({}, {"choices": []}, {"choices": None}, {"choices": 5}, {"choices": ["x"]}),
        *({"choices": [{}]}, {"choices": [{"message": None}]}, {"choices": [{"message": "x"}]}),
        *(chat(["ls"]), chat(7), chat({"a": 1}), chat("x" * 100_000), chat() | {"usage": [1]}),
        *(chat(logprobs=[1]), chat(logprobs={"content": [1]}), chat(logprobs={"content": [{}]})),
        chat() | {"usage": {"prompt_tokens": "many"}},
        chat() | {"usage": {"prompt_tokens": -1}},
    ],
    ids=lambda body: str(body)[:40],
)
def test_an_answer_of_another_shape_is_a_sentence(served, backend, request_for, body):
    served.answer(200, body)
    with pytest.raises(BackendError, match="did not answer"):
        backend().complete(request_for("list files"), Sampling())


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_endpoint_is_asked_again(served, backend, request_for, status):
    served.answers = [(status, "", {}), (status, "", {}), (200, chat("df"), {})]
    assert backend().complete(request_for("list files"), Sampling()).text == "df"
    assert len(served.bodies) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_stays_busy_is_reported(served, backend, request_for, status):
    served.answer(status)
    with pytest.raises(BackendError, match=f"HTTP {status}"):
        backend().complete(request_for("list files"), Sampling())
    assert len(served.bodies) == 3


def test_cancelling_ends_the_waiting_between_two_tries(served, backend, request_for, monkeypatch):
    monkeypatch.setattr(http, "_RETRY_WAITS_S", (30.0, 30.0))
    served.answer(503)
    began = time.monotonic()
    with pytest.raises(Cancelled):
        backend().complete(
            request_for("list files"), Sampling(), lambda: time.monotonic() - began > 0.3
        )
    assert time.monotonic() - began < 2
    assert len(served.bodies) == 1


def test_cancelling_ends_the_wait_for_an_answer_under_way(served, backend, request_for):
    served.delay_s = 3.0
    began = time.monotonic()
    with pytest.raises(Cancelled):
        backend().complete(request_for("list files"), Sampling(), lambda: bool(served.bodies))
    assert time.monotonic() - began < 2


def test_who_is_cancelled_beforehand_asks_nothing(served, backend, request_for):
    with pytest.raises(Cancelled):
        backend(model=None).complete(request_for("list files"), Sampling(), lambda: True)
    assert served.asked == []


def test_nobody_at_the_port_is_unreachable(backend, request_for):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(BackendUnreachable, match=f"nobody answers at http://127.0.0.1:{port}"):
        backend(f"http://127.0.0.1:{port}").complete(request_for("list files"), Sampling())


def test_a_slow_answer_is_a_timeout(served, backend, request_for):
    served.delay_s = 1.0
    with pytest.raises(BackendTimeout, match=r"within 0\.2 s"):
        backend(timeout_s=0.2).complete(request_for("list files"), Sampling())


def test_an_answer_that_drips_for_ever_is_a_timeout(served, backend, request_for):
    served.drip = b" "
    began = time.monotonic()
    with pytest.raises(BackendTimeout):
        backend(timeout_s=0.4).complete(request_for("list files"), Sampling())
    assert time.monotonic() - began < 2


def test_an_endless_answer_is_given_up(served, backend, request_for):
    served.drip = b"x" * 1_000_000
    with pytest.raises(BackendError, match="far more than an answer"):
        backend().complete(request_for("list files"), Sampling())


def test_a_server_that_hangs_up_is_unreachable(backend, request_for):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(100)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(BackendUnreachable, match=r"broke off|nobody"):
            backend(url).complete(request_for("list files"), Sampling())
        thread.join()


def test_the_key_is_sent_to_the_endpoint_and_shown_nowhere(served, backend, request_for):
    one = backend(api_key="sk-s3cret")
    output = one.complete(request_for("list files"), Sampling())
    assert served.asked[0][1]["Authorization"] == "Bearer sk-s3cret"
    assert "s3cret" not in output.model_dump_json() + repr(one) + str(vars(one))
    served.answer(500, {"error": {"message": "the key sk-s3cret is wrong"}})
    with pytest.raises(BackendError) as caught:
        one.complete(request_for("list files"), Sampling())
    assert "s3cret" not in str(caught.value)


def test_a_redirect_is_not_followed_with_the_key(served, backend, request_for):
    served.answer(307, "", Location=f"{served.url}/elsewhere/chat/completions")
    with pytest.raises(BackendError, match="redirects elsewhere"):
        backend(api_key="sk-1").complete(request_for("list files"), Sampling())
    assert [path for path, _, _ in served.asked] == ["/v1/chat/completions"]


def test_credentials_in_the_url_are_sent_and_shown_nowhere(served, backend, request_for):
    one = backend(served.url.replace("://", "://me:s3cret@"))
    output = one.complete(request_for("list files"), Sampling())
    assert served.asked[0][1]["Authorization"] == "Basic bWU6czNjcmV0"
    assert output.model.backend == served.url
    served.answer(500)
    with pytest.raises(BackendError) as caught:
        one.complete(request_for("list files"), Sampling())
    assert "s3cret" not in str(caught.value) + str(caught.value.__cause__)


@pytest.mark.parametrize("secret", [{"api_key": "sk-1"}, {"url": "http://me:pw@example.com"}])
def test_no_secret_goes_unencrypted_to_another_machine(secret):
    with pytest.raises(UsageError, match="unencrypted"):
        HttpBackend(**{"url": "http://example.com"} | secret)


def test_a_proxy_of_the_environment_does_not_see_what_stays_here(
    served, backend, request_for, monkeypatch
):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert backend(api_key="sk-1").complete(request_for("list files"), Sampling()).text == "ls"


def test_a_text_is_continued_without_the_template_and_cut_where_it_should_end(served, backend):
    served.answer(200, {"choices": [{"text": " 5\n\nQuestion: next"}]})
    stop = ["\n\n", "a", "b", "c", "Question:"]
    assert backend().complete_text("2+3=", stop, 8) == " 5"
    path, _, body = served.asked[-1]
    assert path == "/v1/completions"
    assert (body["prompt"], body["max_tokens"], len(body["stop"])) == ("2+3=", 8, 4)
    served.answer(404, {"error": "no such path"})
    with pytest.raises(BackendError):
        backend().complete_text("2+3=", [], 8)
    with pytest.raises(Cancelled):
        backend().complete_text("2+3=", [], 8, lambda: True)


def several(*texts: str) -> dict[str, Any]:
    answer = chat()
    (choice,) = answer["choices"]
    answer["choices"] = [{**choice, "message": {"content": text}} for text in texts]
    return answer | {"usage": {"prompt_tokens": 50, "completion_tokens": 9}}


SAMPLING = Sampling(temperature=0.8, seed=1)


def test_samples_are_asked_for_in_one_request(served, backend, request_for):
    served.answer(200, several("ls", "ls -l", "du"))
    outputs = backend().sample(request_for("list files"), SAMPLING, 3)
    assert [output.text for output in outputs] == ["ls", "ls -l", "du"]
    assert [(body["n"], body["seed"]) for body in served.bodies] == [(3, 1)]
    assert sum(output.prompt_tokens for output in outputs) == 50
    assert sum(output.completion_tokens for output in outputs) == 9


def test_an_endpoint_that_gives_one_at_a_time_is_asked_again(served, backend, request_for):
    served.answers = [(200, chat(text), {}) for text in ("a", "b", "c")]
    outputs = backend().sample(request_for("list files"), SAMPLING, 3)
    assert [output.text for output in outputs] == ["a", "b", "c"]
    assert [(body.get("n"), body["seed"]) for body in served.bodies] == [(3, 1), (2, 2), (None, 3)]


def test_an_endpoint_that_refuses_several_is_asked_for_one(served, backend, request_for):
    refused = (400, {"error": {"message": "n must be 1"}}, {})
    served.answers = [refused, refused, (200, chat("ls"), {})]
    one = backend()
    assert len(one.sample(request_for("list files"), SAMPLING, 2)) == 2
    assert [body.get("n") for body in served.bodies] == [2, 2, None, None]
    assert served.bodies[-1]["logprobs"] is True, "they were not what was refused"
    one.sample(request_for("list files"), SAMPLING, 2)
    assert [body.get("n") for body in served.bodies[4:]] == [None, None]


def test_an_endpoint_that_gives_more_than_asked_for_is_cut_off(served, backend, request_for):
    served.answer(200, several("ls", "du", "df"))
    assert backend().complete(request_for("list files"), Sampling()).text == "ls"
    assert len(backend().sample(request_for("list files"), SAMPLING, 2)) == 2


def test_no_completion_at_all_is_an_error_and_not_an_endless_loop(served, backend, request_for):
    served.answer(200, {"choices": []})
    with pytest.raises(BackendError, match="OpenAI"):
        backend().sample(request_for("list files"), SAMPLING, 2)
