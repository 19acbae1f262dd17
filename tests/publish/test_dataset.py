from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli_tuner.errors import NotPublishable, UsageError
from cli_tuner.publish.dataset import open_dataset, refuse_unlicensed
from cli_tuner.publish.statistics import Spread


@pytest.fixture
def kit(dataset_kit: Any) -> Any:
    """The functions by which a dataset is made."""
    return dataset_kit


def test_a_dataset_is_opened_with_its_numbers(dataset):
    opened = open_dataset(dataset)
    assert opened.name == "tiny"
    assert opened.statistics.rows == 100
    assert [split.rows for split in opened.statistics.splits] == [80, 10, 10]
    assert opened.statistics.splits[0].tokens == Spread(40, 43, 46, 46)
    assert opened.statistics.shares == (
        ("Apache-2.0", "generator", 75),
        ("CC-BY-4.0", "tldr", 25),
    )
    assert opened.statistics.utilities == (("find", 100),)
    assert [licence.name for licence in opened.licences] == ["Apache-2.0", "CC-BY-4.0"]
    assert "tldr-pages" in opened.licences[1].attribution[0]


def test_the_log_of_dangerous_commands_stays_at_home(dataset):
    files = open_dataset(dataset).files(jsonl=True)
    assert not [path for path in files if "dropped" in path]
    assert {path for path in files if path.startswith("jsonl/")} == {
        f"jsonl/{name}.jsonl" for name in ("train", "validation", "test")
    }
    assert not [path for path in open_dataset(dataset).files(jsonl=False) if "jsonl" in path]


def test_there_must_be_a_folder(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        open_dataset(tmp_path / "nothing")


def test_a_run_that_did_not_finish_is_no_dataset(dataset):
    (dataset / "provenance.json").unlink()
    with pytest.raises(NotPublishable, match="no provenance"):
        open_dataset(dataset)


@pytest.mark.parametrize("name", ["train.parquet", "report.md", "plots/lengths.png"])
def test_a_changed_or_missing_file_is_named(dataset, name):
    with (dataset / name).open("ab") as file:
        file.write(b"x")
    with pytest.raises(NotPublishable, match=f"{name} is changed"):
        open_dataset(dataset)
    (dataset / name).unlink()
    with pytest.raises(NotPublishable, match=f"{name} is missing"):
        open_dataset(dataset)


def test_a_file_from_elsewhere_is_named(dataset):
    (dataset / "notes.txt").write_text("x")
    with pytest.raises(NotPublishable, match=r"notes\.txt is not in its provenance"):
        open_dataset(dataset)


def test_a_link_is_refused(dataset, tmp_path):
    (tmp_path / "secret").write_text("x")
    (dataset / "notes.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(NotPublishable, match="is a symbolic link"):
        open_dataset(dataset)


@pytest.mark.parametrize("name", ["test.parquet", "train.jsonl", "leakage.json", "report.json"])
def test_a_dataset_without_one_of_its_parts_is_refused(dataset, kit, name):
    (dataset / name).unlink()
    kit.seal(dataset)
    with pytest.raises(NotPublishable, match=f"{name} is missing"):
        open_dataset(dataset)


def test_another_stage_s_artifact_is_refused(dataset, kit):
    kit.seal(dataset, stage="train")
    with pytest.raises(NotPublishable, match="made by the stage train"):
        open_dataset(dataset)


@pytest.mark.parametrize("pair", ["train -> validation", "train -> test", "validation -> test"])
@pytest.mark.parametrize("check", ["same template", "request Jaccard >= 0.8"])
def test_one_leak_is_one_too_many(dataset, kit, pair, check):
    report = kit.leakage()
    report["pairs"][pair][check] = 1
    write_leakage(dataset, kit, report)
    with pytest.raises(NotPublishable, match=f"counts leaks: {pair}, {check}: 1"):
        open_dataset(dataset)


def test_what_two_fixed_sets_share_is_shown_and_not_refused(dataset, kit):
    report = kit.leakage()
    report["pairs"]["validation -> test"]["same template"] = 2
    fixed = {"held_out": {"validation": {"path": "v"}, "test": {"path": "t"}}}
    write_leakage(dataset, kit, report, config=fixed)
    assert open_dataset(dataset).leaks["validation -> test"]["same template"] == 2
    report["pairs"]["train -> test"]["same template"] = 1
    write_leakage(dataset, kit, report, config=fixed)
    with pytest.raises(NotPublishable, match="counts leaks: train -> test"):
        open_dataset(dataset)


def write_leakage(dataset: Path, kit: Any, report: object, **changes: Any) -> None:
    (dataset / "leakage.json").write_text(json.dumps(report), encoding="utf-8")
    kit.seal(dataset, **changes)


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ([], "is not a JSON object"),
        ({}, "does not compare every two splits"),
        ({"pairs": {"train -> test": {}}}, "does not compare every two splits"),
    ],
)
def test_leaks_that_were_not_counted_are_not_zero(dataset, kit, report, words):
    write_leakage(dataset, kit, report)
    with pytest.raises(NotPublishable, match=words):
        open_dataset(dataset)


@pytest.mark.parametrize("word", ["pair", "normalised", "template", "Jaccard"])
def test_every_kind_of_leak_must_have_been_counted(dataset, kit, word):
    report = kit.leakage()
    for checks in report["pairs"].values():
        for name in [name for name in checks if word in name]:
            del checks[name]
    write_leakage(dataset, kit, report)
    with pytest.raises(NotPublishable, match=f"counts no {word} leaks"):
        open_dataset(dataset)


@pytest.mark.parametrize("rows", [None, "0", 0.5, -1, True])
def test_only_zero_is_zero(dataset, kit, rows):
    report = kit.leakage()
    report["pairs"]["train -> test"]["same template"] = rows
    write_leakage(dataset, kit, report)
    with pytest.raises(NotPublishable, match="counts leaks"):
        open_dataset(dataset)


def test_rows_that_ask_to_name_their_authors_must_name_them(dataset, kit):
    sources = [entry | {"attribution": {}} for entry in kit.facts()["sources"]]
    kit.seal(dataset, sources=sources)
    with pytest.raises(NotPublishable, match=r"rows of tldr are under CC-BY-4\.0, and nobody"):
        open_dataset(dataset)


def test_rows_of_no_known_licence_stay_private(dataset, kit):
    rows = [kit.row(number, license="unknown") for number in range(5)]
    kit.write_split(dataset, "test", rows)
    kit.seal(dataset, rows={"train": 80, "validation": 10, "test": 5})
    opened = open_dataset(dataset)
    refuse_unlicensed(opened, private=True)
    with pytest.raises(NotPublishable, match="5 rows are under no known licence"):
        refuse_unlicensed(opened, private=False)


def test_a_split_must_be_parquet_with_rows_and_columns(dataset, kit):
    (dataset / "test.parquet").write_bytes(b"PAR1 nonsense")
    kit.seal(dataset)
    with pytest.raises(NotPublishable, match="is not a Parquet file"):
        open_dataset(dataset)
    row = {name: value for name, value in kit.row(1).items() if name != "license"}
    kit.write_split(dataset, "test", [row])
    kit.seal(dataset)
    with pytest.raises(NotPublishable, match="has no column license"):
        open_dataset(dataset)
    kit.write_split(dataset, "test", [kit.row(1, license="")])
    kit.seal(dataset)
    with pytest.raises(NotPublishable, match="has a row without license"):
        open_dataset(dataset)


def test_the_rows_must_be_as_many_as_the_provenance_says(dataset, kit):
    kit.seal(dataset, rows={"in": 200, "train": 80, "validation": 10, "test": 11})
    with pytest.raises(NotPublishable, match="test has 10 rows and its provenance says 11"):
        open_dataset(dataset)


@pytest.mark.parametrize("name", [None, "", "a b", "`x`", "../x", "x\ny"])
def test_a_dataset_has_a_plain_name(dataset, kit, name):
    kit.seal(dataset, name=name)
    with pytest.raises(NotPublishable, match="no name of a dataset"):
        open_dataset(dataset)
