"""What holds for the guard's own records: as strict as the others, without Pydantic."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from dataclasses import MISSING, FrozenInstanceError, fields

import pytest
from pydantic import TypeAdapter, ValidationError

from cli_tuner import records
from cli_tuner.records import Plain, Span


def values(record: Plain) -> dict[str, object]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def test_every_plain_record_has_an_example(example):
    kinds = Plain.__subclasses__()
    assert {kind.__name__ for kind in kinds} >= {"Span", "Effect", "Reason", "Verdict"}
    for kind in kinds:
        if kind is getattr(records, kind.__name__):  # the class before its slots is there too
            assert type(example(kind)) is kind


def test_every_field_is_checked(plain):
    assert set(plain.kinds) == {field.name for field in fields(plain)}


def test_no_field_can_be_set_or_deleted(plain):
    for name in plain.kinds:
        with pytest.raises(FrozenInstanceError):
            setattr(plain, name, getattr(plain, name))
        with pytest.raises(FrozenInstanceError):
            delattr(plain, name)
    with pytest.raises((FrozenInstanceError, TypeError)):
        plain.something_new = 1
    assert not hasattr(plain, "__dict__")


def test_what_it_holds_is_immutable_all_the_way_down(plain):
    hash(plain)
    for value in values(plain).values():
        assert not isinstance(value, list | dict | set | bytearray)


def test_an_unknown_or_missing_field_is_refused(plain):
    with pytest.raises(TypeError, match="surprise"):
        type(plain)(**values(plain), surprise=1)
    for field in fields(plain):
        if field.default is MISSING:
            given = {name: value for name, value in values(plain).items() if name != field.name}
            with pytest.raises(TypeError, match=field.name):
                type(plain)(**given)


def test_nothing_is_coerced(plain):
    """A number is no text, a truth no number, a list no tuple, a word no enum member."""
    for name, value in values(plain).items():
        for wrong in (b"x", 1.0, [], object(), True if type(value) is int else 3.5, {}):
            with pytest.raises(ValueError, match=name):
                plain.changed(**{name: wrong})
        if isinstance(value, tuple):
            with pytest.raises(ValueError, match=name):
                plain.changed(**{name: (object(),)})
        if isinstance(value, str) and type(value) is not str:
            with pytest.raises(ValueError, match=name):
                plain.changed(**{name: str(value)})


def test_it_survives_json_by_way_of_pydantic(plain):
    reader = TypeAdapter(type(plain))
    text = json.dumps(plain.as_json())
    assert reader.validate_json(text) == plain
    assert json.loads(reader.dump_json(plain)) == plain.as_json()


def test_pydantic_refuses_unknown_fields_and_other_types(plain):
    reader = TypeAdapter(type(plain))
    with pytest.raises(ValidationError, match="surprise"):
        reader.validate_json(json.dumps({**plain.as_json(), "surprise": 1}))
    for name, value in plain.as_json().items():
        wrong = "1" if isinstance(value, int) else 1
        if value is not None:
            with pytest.raises(ValidationError):
                reader.validate_json(json.dumps({**plain.as_json(), name: wrong}))


def test_it_survives_pickling_and_copying(plain):
    assert pickle.loads(pickle.dumps(plain)) == plain
    assert copy.copy(plain) is plain
    assert copy.deepcopy(plain) is plain
    assert plain.changed() == plain


def test_a_tampered_pickle_is_refused():
    frozen = pickle.dumps(Span(start=100, end=200))
    with pytest.raises(ValueError, match="a span starts"):
        pickle.loads(frozen.replace(bytes([200]), bytes([5])))


def test_a_changed_copy_is_validated():
    assert Span(start=1, end=2).changed(end=3) == Span(start=1, end=3)
    with pytest.raises(ValueError, match="a span starts"):
        Span(start=1, end=2).changed(end=0)


def test_a_lone_surrogate_is_refused_in_every_text(plain):
    for name, value in values(plain).items():
        wrong = {str: "\ud800abc", tuple: ("\udcff",)}.get(type(value))
        if wrong is not None:
            with pytest.raises(ValueError, match=name):
                plain.changed(**{name: wrong})


def test_judging_a_command_does_not_load_pydantic():
    asked = (
        "import sys; from cli_tuner.guard import check; check('rm -rf /');"
        "sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
