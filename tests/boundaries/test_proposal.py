"""A slip of the model is asked around once; a no is a no."""

from __future__ import annotations

import pytest

from cli_tuner.boundaries.generate import generate
from cli_tuner.records import Finish, RefusalCode

SLIP = "echo 'never closed"


def test_where_the_answer_is_no_bash_others_are_sampled_and_one_is_shown(ask):
    response = ask("list files", SLIP, "ls -l", "ls -l", "ls")
    assert response.command == "ls -l"
    assert response.alternatives == (), "one was asked for"
    assert response.refusal is None


def test_where_all_of_them_are_slips_the_first_ones_reason_is_the_answer(ask):
    response = ask("list files", SLIP, "", "x" * 5000)
    assert response.refusal.code is RefusalCode.SYNTAX


def test_an_answer_that_was_cut_off_is_a_slip(parts, trace):
    given = parts(["ls"], finish=Finish.LENGTH)
    response = generate("list files", trace("x").options, given)
    assert response.refusal.code is RefusalCode.TRUNCATED
    assert len(given.backend.prompts) == 4


@pytest.mark.parametrize("no", ["rm -rf /", "I am sorry, but I cannot help with that."])
def test_around_a_no_nobody_looks(parts, trace, no):
    given = parts([no, "ls", "ls", "ls"])
    response = generate("list files", trace("x").options, given)
    assert response.command is None
    assert len(given.backend.prompts) == 1


def test_who_asked_for_several_is_not_given_more(parts, trace):
    given = parts([SLIP])
    response = generate("list files", trace("x", candidates=2).options, given)
    assert response.refusal.code is RefusalCode.SYNTAX
    assert len(given.backend.prompts) == 2


def test_the_time_is_that_of_both_tries(ask):
    latency = ask("list files", SLIP, "ls").latency
    assert latency.inference_ms > 0
    assert latency.validation_ms > 0


def test_nobody_has_to_have_spare_ones(parts, trace):
    given = parts([SLIP, "ls"])
    response = generate("list files", trace("x", spare=0).options, given)
    assert response.refusal.code is RefusalCode.SYNTAX
