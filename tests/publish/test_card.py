from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli_tuner.publish.card import card_of
from cli_tuner.publish.contents import CARD, dataset_package
from cli_tuner.publish.dataset import open_dataset
from cli_tuner.publish.statistics import COLUMNS


def metadata_of(card: str) -> dict[str, Any]:
    _, metadata, _ = card.split("---\n", 2)
    loaded: dict[str, Any] = yaml.safe_load(metadata)
    return loaded


@pytest.fixture
def card(dataset: Path) -> str:
    return card_of(open_dataset(dataset), "team/tiny", jsonl=False)


def test_the_metadata_is_what_the_hub_reads(card):
    assert metadata_of(card) == {
        "license": ["apache-2.0", "cc-by-4.0"],
        "language": ["en"],
        "pretty_name": "tiny",
        "task_categories": ["text-generation"],
        "size_categories": ["n<1K"],
        "tags": ["bash", "code", "command-line", "nl2bash", "shell", "cli-tuner"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": name, "path": f"data/{name}.parquet"}
                    for name in ("train", "validation", "test")
                ],
            }
        ],
    }


def test_the_hub_s_own_library_reads_the_card(card):
    library = pytest.importorskip("huggingface_hub")
    read = library.DatasetCard(card)
    assert read.data.license == ["apache-2.0", "cc-by-4.0"]
    assert read.text.strip().startswith("# tiny")


@pytest.mark.parametrize(
    "line",
    [
        "Small, and made up.",
        "100 pairs of an English request",
        "| train | 80 | 80 | 80 | 40 / 43 / 46 / 46 |",
        "| `find` | 100 | 100.0 % |",
        "| CC-BY-4.0 | 25 | 25.0 % |",
        "| generator | Apache-2.0 | 75 | 75.0 % |",
        "> Descriptions and commands are from tldr-pages, CC-BY-4.0.",
        "> Changed: placeholders filled.",
        "<https://github.com/tldr-pages/tldr>",
        "| syntax | 12 | 103 |",
        "| tools | shellcheck 0.11.0 |",
        "| seed | 13 |",
        "| datasketch | 1.6.5 |",
        "| dangerous | 3 |",
        "| CT-DEL-001 | 3 |",
        r"| train -> test | 0 | 0 | 0 | 0 |",
        "All zero; a dataset that leaks is not published.",
        "![lengths](plots/lengths.png)",
        "$ cli-tuner run data configs/data/tiny.yaml",
        'load_dataset("team/tiny")',
        "cli\\_tuner 1.0.0; commit abc",
        "## Limitations",
    ],
)
def test_the_card_says_what_the_files_say(card, line):
    assert line in card


def test_the_card_is_about_every_column(card):
    assert re.findall(r"^\| `(\w+)` \| [^\d]", card, re.MULTILINE) == list(COLUMNS)


def test_other_numbers_make_another_card(dataset, dataset_kit, card):
    dataset_kit.write_split(dataset, "train", [dataset_kit.row(number) for number in range(60)])
    dataset_kit.seal(dataset, rows={"train": 60, "validation": 10, "test": 10})
    other = card_of(open_dataset(dataset), "team/tiny", jsonl=False)
    assert "80 pairs of an English request" in other
    assert "| train | 60 | 60 | 60 |" in other


def test_texts_from_elsewhere_are_shown_and_not_obeyed(dataset, dataset_kit):
    sources = dataset_kit.facts()["sources"]
    sources[0]["name"] = "<img src=x> | [click](http://evil) \u202e`"
    sources[0]["attribution"] = {"tldr": "# Big\n<script>alert(1)</script>\n---"}
    row = dataset_kit.row(1, utilities=["a`|b"])
    dataset_kit.write_split(dataset, "test", [row])
    dataset_kit.seal(dataset, sources=sources, rows={})
    card = card_of(open_dataset(dataset), "team/tiny", jsonl=False)
    assert not re.search(r"(?<!\\)<(?!https)", card.split("---\n", 2)[2])
    assert not re.search(r"(?<!\\)\[click", card)
    assert "\u202e" not in card
    assert "\n# Big" not in card
    assert r"`` a`\|b ``" in card


def test_json_lines_are_mentioned_where_they_are(dataset):
    opened = open_dataset(dataset)
    assert "below `jsonl/`" in card_of(opened, "team/tiny", jsonl=True)
    assert "below `jsonl/`" not in card_of(opened, "team/tiny", jsonl=False)


def test_the_same_dataset_makes_the_same_package(dataset):
    one = dataset_package(open_dataset(dataset), "team/tiny", jsonl=True)
    other = dataset_package(open_dataset(dataset), "team/tiny", jsonl=True)
    assert [item.sha256 for item in one.items] == [item.sha256 for item in other.items]
    assert CARD in {item.path for item in one.items}


def test_what_two_fixed_sets_share_is_explained(dataset, dataset_kit):
    report = dataset_kit.leakage()
    report["pairs"]["validation -> test"]["same template"] = 2
    (dataset / "leakage.json").write_text(json.dumps(report), encoding="utf-8")
    fixed = {"held_out": {"validation": {"path": "v"}, "test": {"path": "t"}}}
    dataset_kit.seal(dataset, config=fixed, held_out={"test": {"path": "t", "sha256": "2" * 64}})
    card = card_of(open_dataset(dataset), "team/tiny", jsonl=False)
    assert "both fixed elsewhere" in card
    assert r"| validation -> test | 0 | 0 | 2 | 0 |" in card
    assert "Splits that were fixed elsewhere:" in card
