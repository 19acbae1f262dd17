"""What holds for every record: immutable, closed, strict, and no way around its validators."""

from __future__ import annotations

import copy
import pickle
import struct

import pytest
from pydantic import BaseModel, ValidationError

from cli_tuner import records
from cli_tuner.records import Latency, Plain, Record, sha256_of


def test_every_record_has_an_example(example):
    kinds = [
        kind
        for kind in vars(records).values()
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not Record
    ]
    assert len(kinds) >= 13
    for kind in kinds:
        assert issubclass(kind, Record)
        assert type(example(kind)) is kind


def test_no_field_can_be_set_or_deleted(record):
    for name in type(record).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(record, name, getattr(record, name))
        with pytest.raises(ValidationError, match="frozen"):
            delattr(record, name)
    with pytest.raises(ValidationError, match="frozen"):
        record.something_new = 1


def test_what_a_record_holds_is_immutable_all_the_way_down(record):
    hash(record)
    for value in dict(record).values():
        assert not isinstance(value, list | dict | set | bytearray)


def test_an_unknown_field_is_refused(record):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        type(record)(**dict(record), surprise=1)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        record.model_copy(update={"surprise": 1})


def test_a_missing_field_is_refused(record):
    for name, field in type(record).model_fields.items():
        if field.is_required():
            fields = {key: value for key, value in dict(record).items() if key != name}
            with pytest.raises(ValidationError, match="Field required"):
                type(record)(**fields)


def test_nothing_is_coerced(record):
    """A number is no text, a text no number, a list no tuple, a word no enum member."""
    for name, value in dict(record).items():
        if isinstance(value, bool):
            wrong = int(value)
        elif isinstance(value, int | float):
            wrong = str(value)
        elif isinstance(value, str):
            wrong = str(value) if type(value) is not str else value.encode()
        elif isinstance(value, tuple):
            wrong = list(value)
        elif isinstance(value, Record):
            wrong = value.model_dump_json()
        elif isinstance(value, Plain):
            wrong = value.as_json()
        else:
            continue
        with pytest.raises(ValidationError):
            type(record)(**{**dict(record), name: wrong})


def test_a_record_survives_json(record):
    again = type(record).model_validate_json(record.model_dump_json())
    assert again == record
    assert again.model_dump_json() == record.model_dump_json()


def test_a_record_survives_pickling_and_copying(record):
    assert pickle.loads(pickle.dumps(record)) == record
    assert copy.copy(record) is record
    assert copy.deepcopy(record) is record
    assert record.model_copy() == record
    assert record.model_copy(deep=True) == record


def test_no_record_is_made_without_validation(record):
    kind = type(record)
    with pytest.raises(TypeError, match="without validation"):
        kind.model_construct(**dict(record))
    with pytest.raises(TypeError, match="model_copy"):
        record.copy(update={})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_old_name_of_construct_is_refused_too(record):
    with pytest.raises(TypeError, match="without validation"):
        type(record).construct(**dict(record))


def test_a_changed_copy_is_validated():
    latency = Latency(inference_ms=1.5)
    assert latency.model_copy(update={"inference_ms": 2.5}) == Latency(inference_ms=2.5)
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        latency.model_copy(update={"inference_ms": -2.5})
    with pytest.raises(ValidationError, match="valid number"):
        latency.model_copy(update={"inference_ms": "2.5"})


def test_a_tampered_pickle_is_refused():
    frozen = pickle.dumps(Latency(inference_ms=1.5))
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        pickle.loads(frozen.replace(struct.pack(">d", 1.5), struct.pack(">d", -1.5)))


def test_a_refused_state_leaves_a_record_as_it_was():
    latency = Latency(inference_ms=1.5)
    state = {**latency.__getstate__(), "__dict__": {"inference_ms": -1.5}}
    with pytest.raises(ValidationError):
        latency.__setstate__(state)
    assert latency == Latency(inference_ms=1.5)


def test_a_lone_surrogate_is_refused_in_every_text(record):
    for name, value in dict(record).items():
        wrong = {str: "\ud800abc", tuple: ("\udcff",)}.get(type(value))
        if wrong is not None:
            with pytest.raises(ValidationError):
                record.model_copy(update={name: wrong})


def test_a_lone_surrogate_is_named(example):
    refusal = example(records.Refusal)
    with pytest.raises(ValidationError, match=r"hint has a lone surrogate \(U\+DCFF\)"):
        refusal.model_copy(update={"hint": "say it without \udcff"})


@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf"])
def test_a_number_that_is_none_is_refused(wrong):
    with pytest.raises(ValidationError, match="finite number"):
        records.Latency(inference_ms=float(wrong))


def test_the_digest_is_that_of_the_utf8_bytes():
    assert sha256_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_of("é") == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"
