"""Identifiers are ULIDs: ordered by time, all different, readable aloud."""

from __future__ import annotations

import re
import time

import pytest
from pydantic import ValidationError

from cli_tuner.records import CommandRequest, new_request_id, short_id
from cli_tuner.records.ids import ID_PATTERN


def test_an_id_has_26_characters_of_crockfords_alphabet():
    assert re.fullmatch(ID_PATTERN, new_request_id())
    assert not set("ILOU") & set("".join(new_request_id() for _ in range(100)))


def test_ids_differ():
    assert len({new_request_id() for _ in range(5000)}) == 5000


def test_a_later_id_sorts_behind():
    earlier = new_request_id()
    time.sleep(0.003)
    assert earlier < new_request_id()


def test_the_first_ten_characters_are_the_milliseconds():
    before_ms = time.time_ns() // 1_000_000
    value = 0
    for char in new_request_id()[:10]:
        value = value * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(char)
    assert before_ms <= value <= time.time_ns() // 1_000_000


def test_people_see_the_last_six_characters():
    assert short_id("01JD7KAAAAAAAAAAAAAAPQRSTV") == "PQRSTV"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "01JD7K",
        "01JD7KAAAAAAAAAAAAAAPQRSTVX",
        "01jd7kaaaaaaaaaaaaaapqrstv",
        "01JD7KAAAAAAAAAAAAAAPQRSTU",
        "01JD7KAAAAAAAAAAAAAAPQRSTV\n",
        "01JD7K/AAAAAAAAAAAAAPQRSTV",
    ],
)
def test_what_is_no_id_is_refused(example, wrong):
    with pytest.raises(ValidationError, match="request_id"):
        example(CommandRequest).model_copy(update={"request_id": wrong})
