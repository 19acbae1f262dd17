"""What crosses the wire is looked at before it is used."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cli_tuner.backends.protocol import Sampling, never
from cli_tuner.errors import UsageError
from cli_tuner.resident.options import count_of, folder_of, options_of, request_of, sampling_of

QUESTION: dict[str, Any] = {
    "safety": "strict",
    "candidates": 2,
    "caller": "cli",
    "retain_query": False,
    "max_new_tokens": 40,
}


def test_a_question_becomes_options():
    options = options_of(QUESTION, model="fast", cancelled=never)
    assert (options.model, options.safety, options.candidates) == ("fast", "strict", 2)
    assert options.sampling == Sampling(max_new_tokens=40)


@pytest.mark.parametrize("name", QUESTION)
def test_every_option_has_to_be_there(name):
    question = {key: value for key, value in QUESTION.items() if key != name}
    with pytest.raises(UsageError, match=name):
        options_of(question, model="fast", cancelled=never)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("safety", value) for value in ("none", None, 1, [])),
        *(("candidates", value) for value in ("x", None, [], math.inf, math.nan)),
        *(("caller", value) for value in ("root", None)),
        *(("max_new_tokens", value) for value in (0, -1, 1025, "x", None, math.inf, {})),
    ],
)
def test_a_wrong_option_is_a_usage_error(name, value):
    with pytest.raises(UsageError, match="incomplete"):
        options_of(QUESTION | {name: value}, model="fast", cancelled=never)


@pytest.mark.parametrize("folder", ["", "/", "/srv/a b", "/\udcff"])
def test_a_question_says_where_the_command_would_run(folder):
    assert folder_of({"cwd": folder}) == folder


@pytest.mark.parametrize("message", [{}, *({"cwd": wrong} for wrong in (None, 1, "a", ".", "/\0"))])
def test_a_question_from_nowhere_is_a_usage_error(message):
    with pytest.raises(UsageError, match="cwd"):
        folder_of(message)


def test_samples_have_a_number():
    assert count_of({"count": 3}) == 3


@pytest.mark.parametrize("message", [{}, *({"count": n} for n in (0, 9, -1, "x", None, math.inf))])
def test_a_wrong_number_of_samples_is_a_usage_error(message):
    with pytest.raises(UsageError, match="incomplete"):
        count_of(message)


def test_a_completion_becomes_sampling():
    message = {"max_new_tokens": 5, "temperature": 0.8, "seed": 3}
    assert sampling_of(message) == Sampling(5, 0.8, 3)
    assert sampling_of(message | {"seed": None}) == Sampling(5, 0.8, None)


@pytest.mark.parametrize(
    "changes",
    [
        *({"temperature": value} for value in (-0.1, 2.1, math.nan, math.inf, "x", None)),
        *({"seed": value} for value in ("x", [], math.nan)),
        {"max_new_tokens": 0},
    ],
)
def test_wrong_sampling_is_a_usage_error(changes):
    with pytest.raises(UsageError, match="incomplete"):
        sampling_of({"max_new_tokens": 5, "temperature": 0.0} | changes)


@pytest.mark.parametrize("request_", [None, "", "{}", "[]", 7, "x" * 1000])
def test_a_completion_of_no_request_is_a_usage_error_that_does_not_quote_it(request_):
    with pytest.raises(UsageError) as caught:
        request_of({"request": request_})
    assert "xxx" not in str(caught.value)


def test_a_completion_without_a_request_is_a_usage_error():
    with pytest.raises(UsageError):
        request_of({})
