from __future__ import annotations

import json
from collections import Counter

import pytest

pytest.importorskip("tokenizers")

from tokenizers import Tokenizer

from cli_tuner.errors import TrainingError
from cli_tuner.train.config import TrainData
from cli_tuner.train.examples import passes, read_examples, step_examples, steps_in


@pytest.fixture(scope="module")
def tokenizer(tiny_folder):
    return Tokenizer.from_file(str(tiny_folder / "tokenizer.json"))


@pytest.mark.parametrize(("count", "per_step"), [(10, 4), (8, 4), (3, 4), (1, 1)])
def test_every_example_is_seen_once_an_epoch(count, per_step):
    steps = steps_in(count, 2, per_step)
    seen = [step_examples(count, step, per_step, seed=7) for step in range(steps)]
    assert Counter(number for part in seen for number in part) == dict.fromkeys(range(count), 2)


def test_the_order_is_the_seeds_and_differs_by_epoch():
    first = [step_examples(40, step, 8, seed=7) for step in range(10)]
    assert first == [step_examples(40, step, 8, seed=7) for step in range(10)]
    assert first[:5] != first[5:]
    assert first != [step_examples(40, step, 8, seed=8) for step in range(10)]


def test_passes_hold_whole_examples_and_few_tokens(data_folder, tokenizer):
    data = read_examples(TrainData(folder=str(data_folder), max_tokens=512), 7, tokenizer)
    divided = passes(data.train, data.prefix, 300)
    assert sorted(one.id for part in divided for one in part) == sorted(e.id for e in data.train)
    for part in divided:
        own = sum(len(one) - data.prefix for one in part)
        assert len(part) == 1 or data.prefix + own <= 300


def test_a_smaller_share_is_a_part_of_a_larger_one(data_folder, tokenizer):
    def kept(**options):
        config = TrainData(folder=str(data_folder), max_tokens=512, **options)
        return {one.id for one in read_examples(config, 7, tokenizer).train}

    half, most, few = kept(keep={"ours": 0.5}), kept(keep={"ours": 0.9}), kept(rows=5)
    assert half < most < kept()
    assert len(few) == 5


def test_an_unknown_source_is_an_error(data_folder, tokenizer):
    with pytest.raises(TrainingError, match="without rows: mine"):
        read_examples(TrainData(folder=str(data_folder), keep={"mine": 1}), 7, tokenizer)


def test_long_examples_leave_and_are_counted(data_folder, tokenizer):
    whole = read_examples(TrainData(folder=str(data_folder), max_tokens=512), 7, tokenizer)
    longest = max(map(len, whole.train))
    cut = read_examples(TrainData(folder=str(data_folder), max_tokens=longest - 1), 7, tokenizer)
    assert cut.facts["too_long"] == len(whole.train) - len(cut.train) > 0


def test_a_row_that_is_no_pair_is_named(tmp_path, tokenizer):
    for split in ("train", "validation"):
        row = {"query": "x", "command": "ls <|im_end|>"}
        (tmp_path / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(TrainingError, match="row 1: not a pair"):
        read_examples(TrainData(folder=str(tmp_path)), 7, tokenizer)


def test_parquet_is_read_as_the_same_rows(data_folder, tmp_path, tokenizer):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for split in ("train", "validation"):
        lines = (data_folder / f"{split}.jsonl").read_text().splitlines()
        table = arrow.Table.from_pylist([json.loads(line) for line in lines])
        parquet.write_table(table, tmp_path / f"{split}.parquet")
    one, other = (
        read_examples(TrainData(folder=str(folder), max_tokens=512), 7, tokenizer).train
        for folder in (data_folder, tmp_path)
    )
    assert one == other
