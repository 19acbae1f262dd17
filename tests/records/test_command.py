"""Trust is a proof that is carried: no validated command without a verdict on its own text."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cli_tuner.records import (
    CommandResponse,
    Level,
    RawModelOutput,
    Refusal,
    Safety,
    ValidatedCommand,
    Verdict,
    new_request_id,
    sha256_of,
)
from cli_tuner.records.output import OUTPUT_MAX


def validated(command: str, verdict: Verdict, safety: Safety) -> ValidatedCommand:
    return ValidatedCommand(
        request_id=new_request_id(), command=command, verdict=verdict, safety=safety
    )


@pytest.mark.parametrize(
    ("level", "safety"),
    [
        (Level.SAFE, Safety.STRICT),
        (Level.SAFE, Safety.MODERATE),
        (Level.REVIEW, Safety.MODERATE),
    ],
)
def test_a_permitted_command_is_validated(verdict_on, level, safety):
    assert validated("ls", verdict_on("ls", level), safety).verdict.level is level


@pytest.mark.parametrize(
    ("level", "safety"),
    [
        (Level.DANGEROUS, Safety.MODERATE),
        (Level.DANGEROUS, Safety.STRICT),
        (Level.REVIEW, Safety.STRICT),
    ],
)
def test_a_command_that_its_safety_blocks_is_refused(verdict_on, level, safety):
    with pytest.raises(ValidationError, match=f"{level} command is not permitted at {safety}"):
        validated("rm -rf /", verdict_on("rm -rf /", level), safety)


@pytest.mark.parametrize("other", ["ls ", "LS", "ls\n", "rm -rf /", "l\u200bs"])
def test_a_verdict_on_another_text_is_no_proof(verdict_on, other):
    with pytest.raises(ValidationError, match="the verdict is on another text"):
        validated(other, verdict_on("ls"), Safety.MODERATE)


def test_a_command_cannot_be_exchanged_in_a_copy(example):
    with pytest.raises(ValidationError, match="the verdict is on another text"):
        example(ValidatedCommand).model_copy(update={"command": "rm -rf /"})


def test_a_command_cannot_be_exchanged_in_json(example):
    text = example(ValidatedCommand).model_dump_json()
    with pytest.raises(ValidationError, match="the verdict is on another text"):
        ValidatedCommand.model_validate_json(text.replace("find .", "find /"))


def test_a_verdict_softened_behind_pythons_back_is_no_proof(verdict_on):
    verdict = verdict_on("rm -rf /", Level.DANGEROUS)
    object.__setattr__(verdict, "level", Level.SAFE)
    with pytest.raises(ValidationError, match="does not follow from the reasons"):
        validated("rm -rf /", verdict, Safety.MODERATE)


def test_no_dictionary_passes_for_a_verdict_of_wrong_types(verdict_on):
    fields = verdict_on("ls").as_json()
    with pytest.raises(ValidationError):
        validated("ls", fields, Safety.MODERATE)


@pytest.mark.parametrize("command", ["", "x" * 4097])
def test_a_command_has_1_to_4096_characters(verdict_on, command):
    with pytest.raises(ValidationError, match="String should have at"):
        validated(command, verdict_on(command), Safety.MODERATE)


@pytest.mark.parametrize("kind", [ValidatedCommand, RawModelOutput])
def test_a_log_probability_above_0_is_refused(example, kind):
    with pytest.raises(ValidationError, match="less than or equal to 0"):
        example(kind).model_copy(update={"mean_logprob": 0.1})


def test_an_output_longer_than_any_answer_is_refused(example):
    longest = example(RawModelOutput).model_copy(update={"text": "x" * OUTPUT_MAX})
    with pytest.raises(ValidationError, match="at most"):
        longest.model_copy(update={"text": "x" * (OUTPUT_MAX + 1)})


def test_what_a_model_said_is_kept_as_it_came(example):
    text = "```bash\nls\x1b[2J\0\n```"
    assert example(RawModelOutput).model_copy(update={"text": text}).text == text


def test_a_response_finds_out_what_was_changed_behind_pythons_back(example):
    response, verdict = example(CommandResponse), example(ValidatedCommand).verdict
    object.__setattr__(verdict, "command_sha256", sha256_of("rm -rf /"))
    with pytest.raises(ValidationError, match="the verdict is on another text"):
        response.model_copy(update={"verdict": verdict})


def test_a_refusal_does_not_hold_the_refused_text():
    assert not {"command", "text"} & set(Refusal.model_fields)
