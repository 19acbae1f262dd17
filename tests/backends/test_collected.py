"""The engine's chunks, of one completion or of several that were decoded together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli_tuner.backends.collected import Collected, is_looping
from cli_tuner.backends.protocol import never
from cli_tuner.errors import BackendError, Cancelled
from cli_tuner.records import Finish, ModelIdentity

NAME = ModelIdentity(name="fast", backend="local", engine="test")


def chunk(text: str, index: int = 0, logprob: float | None = -0.5, **more: Any) -> dict[str, Any]:
    content = [] if logprob is None else [{"token": text, "logprob": logprob}]
    choice = {"text": text, "index": index, "logprobs": {"content": content}}
    return {"choices": [choice | {"finish_reason": more.pop("finish", None)}], **more}


def end(index: int, finish: str = "stop", **timings: float) -> dict[str, Any]:
    return chunk("", index, None, finish=finish, timings=timings)


def test_completions_that_come_interleaved_are_taken_apart(request_for):
    collected = Collected(never, 2)
    stream = [
        chunk("ls", 0),
        chunk("du", 1, -1.0),
        chunk(" -sh", 1, -2.0),
        chunk(" -l", 0),
        end(0, cache_n=40, prompt_n=2, prompt_ms=30.0, predicted_n=2, predicted_ms=80.0),
        end(1, "length", cache_n=41, prompt_n=1, prompt_ms=30.0, predicted_n=2, predicted_ms=90.0),
    ]
    assert [collected.take(json.dumps(one)) for one in stream] == [False] * 6
    first, second = collected.outputs(request_for("list files"), NAME)
    assert (first.text, first.finish, first.mean_logprob) == ("ls -l", Finish.STOP, -0.5)
    assert (second.text, second.finish, second.mean_logprob) == ("du -sh", Finish.LENGTH, -1.5)
    assert (first.prompt_tokens, first.cached_tokens) == (42, 40)
    assert (second.prompt_tokens, second.cached_tokens) == (42, 42), "it was read once"


def test_what_was_spent_together_is_shared_out(request_for):
    collected = Collected(never, 3)
    for index, spent_ms in enumerate((60.0, 90.0, 30.0)):
        collected.take(end(index, prompt_ms=20.0, predicted_ms=spent_ms))
    outputs = collected.outputs(request_for("list files"), NAME)
    assert sum(output.decode_ms for output in outputs) == pytest.approx(90.0)
    assert sum(output.prompt_ms for output in outputs) == pytest.approx(20.0)


def test_of_what_is_passed_over_only_the_time_is_kept(request_for):
    collected = Collected(never, 2)
    collected.pass_over(chunk("x"))
    collected.pass_over(end(0, prompt_ms=7.0, predicted_ms=3.0))
    collected.take(chunk("ls"))
    collected.take(end(0, prompt_ms=5.0, predicted_ms=8.0))
    first, second = collected.outputs(request_for("list files"), NAME)
    assert (first.text, first.prompt_ms, first.decode_ms) == ("ls", 15.0, 4.0)
    assert second.text == ""


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"error": {"message": "too long"}}, BackendError),
        ({"code": 400, "message": "too long"}, BackendError),
        (chunk("x", index=2), IndexError),
        ("no json", ValueError),
    ],
)
def test_what_is_wrong_stops_the_engine_and_is_raised_afterwards(request_for, wrong, error):
    collected = Collected(never, 2)
    assert collected.take(wrong) is True
    assert collected.is_over
    with pytest.raises(error):
        collected.outputs(request_for("list files"), NAME)
    with pytest.raises(error):
        collected.text()


def test_cancelling_stops_the_engine(request_for):
    collected = Collected(lambda: True)
    assert collected.take(chunk("ls")) is True
    with pytest.raises(Cancelled):
        collected.outputs(request_for("list files"), NAME)


def test_a_completion_that_goes_round_in_circles_is_stopped_and_was_cut_off(request_for):
    collected = Collected(never)
    stopped = [collected.take(chunk(" -e")) for _ in range(100)]
    assert stopped.index(True) == 21, "64 characters of it"
    (output,) = collected.outputs(request_for("list files"), NAME)
    assert output.finish is Finish.LENGTH


def test_of_several_the_others_go_on(request_for):
    collected = Collected(never, 2)
    assert not any(collected.take(chunk(" -e", 0)) for _ in range(100))
    collected.take(chunk("ls", 1))
    first, second = collected.outputs(request_for("list files"), NAME)
    assert (first.finish, second.finish) == (Finish.LENGTH, Finish.STOP)


def test_text_that_is_no_command_may_repeat_itself():
    collected = Collected(never, cuts_loops=False)
    assert not any(collected.take(chunk(" ")) for _ in range(100))


@pytest.mark.parametrize("text", ["seq 5 | xargs echo -n" + " | xargs echo -n" * 4, "1" + "0" * 64])
def test_a_loop_is_seen(text):
    assert is_looping(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"echo '{'-' * 90}",
        "paste - - - - - - - - - - - -",
        "grep -e one -e two -e three -e four -e five -e six -e seven -e eight -e nine -e ten",
        "mkdir -p a/b/c/d/e/f a/b/c/d/e/g a/b/c/d/e/h a/b/c/d/e/i a/b/c/d/e/j a/b/c/d/e/k",
    ],
)
def test_what_only_looks_like_one_is_not(text):
    assert not is_looping(text)
