"""Configurations: every mistake is one line that names the file, the line and the key."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field

from cli_tuner.artifacts import Config, load_config
from cli_tuner.errors import ConfigError


class Cat(Config):
    kind: Literal["cat"] = "cat"
    name: str
    lives: int = Field(default=9, ge=1)


class Dog(Config):
    kind: Literal["dog"] = "dog"
    bark: str


class House(Config):
    name: str
    doors: int = 1
    pets: tuple[Annotated[Cat | Dog, Field(discriminator="kind")], ...] = ()


GOOD = "name: home\npets:\n  - kind: cat\n    name: Tom\n  - kind: dog\n    bark: loud\n"


@pytest.fixture
def load(tmp_path):
    def of(text, *changes):
        path = tmp_path / "house.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(path, House, changes)

    return of


def test_a_good_one_is_read(load):
    house = load(GOOD)
    assert (house.name, house.pets[0].lives, house.pets[1].bark) == ("home", 9, "loud")


def test_values_are_changed_by_their_path(load):
    house = load(GOOD, "doors=3", "pets.0.name=Kit", "pets.1={kind: cat, name: Bo, lives: 2}")
    assert (house.doors, house.pets[0].name, house.pets[1].lives) == (3, "Kit", 2)


def test_off_and_no_are_words_and_true_is_none(load):
    assert load("name: off\n").name == "off"
    assert load(GOOD, "name=no", "pets.1.bark=on").pets[1].bark == "on"
    with pytest.raises(ConfigError, match="name: input should be a valid string"):
        load(GOOD, "name=true")


MISTAKES = {
    "name: home\ndors: 2\n": r'house\.yaml:2: unknown key "dors"; did you mean "doors"\?',
    "doors: 2\n": r'house\.yaml:1: the key "name" is missing',
    "name: home\ndoors: many\n": r"house\.yaml:2: doors: input should be a valid integer",
    GOOD.replace(
        "bark", "brk"
    ): r'house\.yaml:\d: (?:unknown key "pets.1.brk"|the key "pets.1.bark")',
    GOOD.replace(
        "    name: Tom", "    name: Tom\n    livs: 3"
    ): r'yaml:5: unknown key "pets.0.livs"; did you mean "lives"\?',
    GOOD.replace(
        "    name: Tom", "    name: Tom\n    lives: 0"
    ): r"yaml:5: pets.0.lives: input should be greater",
    GOOD.replace("kind: dog", "kind: cow"): r"house\.yaml:\d: pets.1: input tag 'cow'",
    "name: home\nname: again\n": r'house\.yaml:2: the key "name" is given twice',
    "name: [\n": r"house\.yaml:2: ",
    "- a\n": "a configuration is a mapping",
    "": 'the key "name" is missing',
    b"name: \xff\n": "is not UTF-8 at byte 6",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_named_with_its_place(load, text):
    with pytest.raises(ConfigError, match=MISTAKES[text]):
        load(text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("doors", "write it as key.path=value"),
        ("pets.7.name=x", "there is no 7 there"),
        ("pets.name=x", "there is no name there"),
        ("doors=many", "doors: input should be a valid integer"),
        ("name=[", r"--set name=\[: \[ is not YAML"),
        ("pets.1={kind: dog, kind: cat}", 'the key "kind" is given twice'),
        ("dors=3", 'unknown key "dors"; did you mean "doors"'),
    ],
)
def test_a_wrong_change_is_said_to_be_one(load, change, said):
    with pytest.raises(ConfigError, match=said):
        load(GOOD, change)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*none\.yaml: No such file"):
        load_config(tmp_path / "none.yaml", House)
