"""Numbers, sizes and ages: every way to say a value means the value."""

from __future__ import annotations

import random
import re

import pytest

from cli_tuner.data.generate.amounts import age, counted, number, size

WORDS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "five": 5, "ten": 10, "twenty": 20,
         "fifty": 50, "a hundred": 100, "two hundred": 200, "five hundred": 500, "six": 6,
         "seven": 7, "twelve": 12, "thirty": 30, "sixty": 60, "ninety": 90}  # fmt: skip
UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
SECONDS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def meant(text: str, units: dict[str, int], width: int) -> int:
    found = re.fullmatch(r"(?:(\d+) ?|(.+) )([a-zA-Z]+)", text)
    assert found, text
    count = int(found[1]) if found[1] else WORDS[found[2]]
    return count * units[found[3].lower()[:width] if width else found[3].removesuffix("s")]


@pytest.mark.parametrize("seed", range(60))
def test_every_way_to_say_a_size_is_its_bytes(seed: int) -> None:
    value = size(random.Random(seed), {})
    assert {meant(text, UNITS, 1) for text in value.says[""]} == {int(value.forms["bytes"])}
    assert int(value.forms["under"]) < int(value.forms["bytes"]) < int(value.forms["over"])


@pytest.mark.parametrize("seed", range(80))
def test_every_way_to_say_an_age_is_its_seconds(seed: int) -> None:
    value = age(random.Random(seed), {})
    total = int(value.forms["seconds"])
    assert {meant(text, SECONDS, 0) for text in value.says[""]} == {total}
    for text in value.says["last"]:
        rest = re.sub(r"^(last|past) ", "", text)
        assert meant(rest if " " in rest else f"1 {rest}", SECONDS, 0) == total
    inside, outside = (float(value.forms[form][1:-1]) for form in ("inside", "outside"))
    assert inside < total < outside - 86400


def test_ages_are_tests_of_find() -> None:
    assert age(random.Random(0), {"day": [7]}).forms["newer"] == "-mtime -7"
    assert age(random.Random(0), {"week": [2]}).forms["older"] == "-mtime +14"
    assert age(random.Random(0), {"hour": [2]}).forms["newer"] == "-mmin -120"
    assert age(random.Random(0), {"day": [3]}).forms["aolder"] == "-atime +3"


def test_numbers_are_said_in_digits_or_words() -> None:
    assert set(counted(5).says[""]) == {"5", "five"}
    assert set(counted(47).says[""]) == {"47"}
    assert counted(5).forms["last"] == "4"
    assert number(random.Random(0), {"of": [8]}).text == "8"
