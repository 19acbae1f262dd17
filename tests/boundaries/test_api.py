"""`cli_tuner.generate`: the Python interface, with an endpoint that is not there."""

from __future__ import annotations

import pytest

import cli_tuner
from cli_tuner.boundaries.api import options_for
from cli_tuner.errors import BackendUnreachable, ConfigError, UsageError
from cli_tuner.records import Caller, RefusalCode, Safety
from cli_tuner.settings import load_settings

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CLI_TUNER_HOME", str(tmp_path))
    return tmp_path


def test_a_query_that_is_refused_needs_no_model():
    response = cli_tuner.generate("ls", backend=NOBODY)
    assert response.refusal.code is RefusalCode.BAD_REQUEST
    assert response.provenance.caller is Caller.API


def test_a_lone_surrogate_is_an_answer_and_no_crash():
    assert cli_tuner.generate("list \ud800", backend=NOBODY).command is None


def test_nobody_answering_is_an_exception():
    with pytest.raises(BackendUnreachable):
        cli_tuner.generate("list files", backend=NOBODY)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"safety": "lax"}, ConfigError),
        ({"backend": "ftp://x"}, UsageError),
        ({"model": ""}, ConfigError),
    ],
)
def test_wrong_options_are_said_before_anything_is_asked(wrong, error):
    with pytest.raises(error):
        cli_tuner.generate("list files", **wrong)


def test_a_caller_may_tighten_the_safety_and_never_loosen_it(monkeypatch):
    tightened = options_for(load_settings({"safety": "strict"}), caller=Caller.API)
    assert tightened.safety is Safety.STRICT
    monkeypatch.setenv("CLI_TUNER_SAFETY", "strict")
    loosened = options_for(load_settings({"safety": "moderate"}), caller=Caller.API)
    assert loosened.safety is Safety.STRICT


def test_the_settings_reach_the_request(monkeypatch):
    monkeypatch.setenv("CLI_TUNER_MAX_NEW_TOKENS", "7")
    monkeypatch.setenv("CLI_TUNER_RETAIN_QUERIES", "true")
    options = options_for(load_settings(), caller=Caller.CLI, candidates=3)
    assert options.sampling.max_new_tokens == 7
    assert options.sampling.temperature == 0
    assert options.retain_query is True
    assert options.candidates == 3
