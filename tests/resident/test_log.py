"""The log says where it failed, never what was asked."""

from __future__ import annotations

from cli_tuner.records import NormalizedRequest
from cli_tuner.resident.log import log_failure


def test_a_failure_is_logged_with_its_place_and_without_the_text_it_is_about(capsys):
    try:
        NormalizedRequest.model_validate({"query": "my secret plan"})
    except ValueError as error:
        assert "my secret plan" in str(error)
        log_failure(error)
    logged = capsys.readouterr().err
    assert "ValidationError" in logged
    assert "test_log.py" in logged
    assert "secret plan" not in logged.replace('"my secret plan"', "")
