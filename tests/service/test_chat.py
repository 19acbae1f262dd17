"""What clients of OpenAI's interface send and get."""

import json

import pytest

from cli_tuner.backends.http import HttpBackend
from cli_tuner.backends.protocol import Sampling
from cli_tuner.prompt import to_prompt
from cli_tuner.records import NormalizedRequest, new_request_id, sha256_of

ASK = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "list all files"}]


def test_the_command_is_the_answer_and_the_verdict_is_beside_it(serving):
    running = serving(["ls -la"])
    document = running.post("/v1/chat/completions", model="x", messages=ASK, top_p=0.3).json()
    choice = document["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": "ls -la", "refusal": None}
    assert choice["finish_reason"] == "stop"
    assert choice["verdict"]["level"] == "safe"
    assert running.service.journal.find(document["cli_tuner"]["request_id"]).command == "ls -la"


def test_a_blocked_command_is_refused_and_not_sent(serving):
    answered = serving(["rm -rf /"]).post("/v1/chat/completions", messages=ASK)
    choice = answered.json()["choices"][0]
    assert choice["message"]["content"] is None
    assert "CT-DEL-001" in choice["message"]["refusal"]
    assert choice["finish_reason"] == "content_filter"
    assert "rm -rf" not in answered.text


def test_the_last_words_of_the_user_are_what_is_asked(serving):
    running = serving({"list all files": "ls -la"})
    parts = [{"type": "text", "text": "list all"}, {"type": "text", "text": "files"}]
    messages = [
        {"role": "user", "content": "something else"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "yes?"},
    ]
    answered = running.post("/v1/chat/completions", messages=messages)
    assert answered.json()["choices"][0]["message"]["content"] == "ls -la"


def test_alternatives_are_choices(serving):
    document = serving(["ls", "ls -la"]).post("/v1/chat/completions", messages=ASK, n=2).json()
    assert [one["message"]["content"] for one in document["choices"]] == ["ls", "ls -la"]


def test_a_stream_is_one_event_and_its_end(serving):
    answered = serving().post("/v1/chat/completions", messages=ASK, stream=True)
    assert answered.headers["content-type"].startswith("text/event-stream")
    first, last = answered.text.strip().split("\n\n")
    assert json.loads(first.removeprefix("data: "))["choices"][0]["delta"]["content"] == "ls -la"
    assert last == "data: [DONE]"


@pytest.mark.parametrize("messages", [[], [{"role": "system", "content": "x"}], "list all files"])
def test_without_a_message_of_the_user_there_is_nothing_to_answer(serving, messages):
    assert serving().post("/v1/chat/completions", messages=messages).status_code == 422


def test_our_own_client_understands_it(serving):
    """So one service may stand behind another."""
    backend = HttpBackend(serving(["ls -la"]).url)
    query = "list all files"
    prompt = to_prompt(query)
    request = NormalizedRequest(
        request_id=new_request_id(),
        query=query,
        prompt=prompt,
        prompt_sha256=sha256_of(prompt),
        template_sha256="0" * 64,
    )
    assert backend.complete(request, Sampling()).text == "ls -la"
    backend.close()
