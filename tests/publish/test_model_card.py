from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from cli_tuner.publish.environment import cost_of
from cli_tuner.publish.model import as_bytes, read_record
from cli_tuner.publish.model_card import model_card
from cli_tuner.settings import Paths


def opened(kit: Any, **changes: Any) -> Any:
    return kit.sources(**changes).open(Paths.of())


@pytest.fixture
def measured(kit):
    """The adapter with everything: base and adapter evaluated, one merged file too."""
    merged = kit.make_merged("Q4_K_M")
    model = opened(kit, merged=(merged,))
    folders = [
        kit.make_evaluation("base-dev", of="base", right="100"),
        kit.make_evaluation("tiny-dev", right="111"),
        kit.make_evaluation("merged-dev", of=model.merged[0].sha256, right="110"),
    ]
    return opened(kit, merged=(merged,), evaluations=tuple(folders))


@pytest.fixture
def card(measured):
    return model_card(measured, "team/tiny")


def metadata_of(card: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(card.split("---\n", 2)[1])
    return loaded


@pytest.mark.parametrize(
    "line",
    [
        "# tiny-v1",
        "Made up for a test.",
        "| kind | LoRA, rank 16, alpha 32, on q\\_proj, v\\_proj |",
        "494,032,768 parameters",
        "| licence | adapter Apache-2.0, base Apache-2.0 |",
        "| `tiny-v1-Q4_K_M.gguf` | Q4\\_K\\_M |",
        "$ ollama run hf.co/team/tiny:Q4_K_M",
        'PeftModel.from_pretrained(base, "team/tiny", subfolder="peft")',
        "| steps | 40, step 40 was chosen |",
        "| highest learning rate | 0.0002 |",
        "| seed | 7 |",
        "| packages | torch 2.13.0 |",
        "| 0 | 1.500 | 5.0 % |",
        "| 40 | 0.750 | 25.0 % |",
        "| tldr | CC-BY-4.0 | 3 | 3 |",
        "> Copyright the tldr-pages team, CC-BY-4.0; adapted",
        "| train -> validation | 0 | 0 |",
        "| measure | n | base | adapter | tiny-v1-Q4\\_K\\_M |  |",
        "| `bleu` | 3 | 61.5 [40.2, 80.0] | 61.5 [40.2, 80.0] | 61.5 [40.2, 80.0] |",
        "| exact match, canonical | ≥ 85 % | dev | 100.0 % [90.0, 100.0], n 3 | pass |",
        "Not measured: drop on general benchmarks.",
        "| tiny-dev | adapter | xllamacpp 1.0 | 1 | AMD EPYC | 2 |",
        'gguf_file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"',
        "Its official quantized file is dequantized",
        "3 of 10 rows of `dev.jsonl`",
        "Median time of an answer there: 600 ms (base), 600 ms (adapter)",
        "| dev | domain | `exact_canonical` | 3 | 2 | 0 | 0.5 |",
        "| wall hours | 1.50, in 3 sittings |",
        "about 0.03 kWh, an estimate and not measured: 10 W for each of 2 threads",
        "processor AMD EPYC",
        "lin2018nl2bash",
        "hui2024qwen25coder",
        "sha256sum -c SHA256SUMS",
        "$ cli-tuner publish verify .",
    ],
)
def test_the_card_says_what_the_files_say(card, line):
    assert line in card


@pytest.mark.parametrize(
    "title",
    ["How to use it", "Intended use", "Training procedure", "Training data", "Evaluation",
     "Limitations", "Ethical considerations", "Security considerations", "Environmental note",
     "Citation", "How to verify"],
)  # fmt: skip
def test_the_card_has_every_section_once(card, title):
    assert len(re.findall(rf"^## {title}$", card, re.MULTILINE)) == 1


def test_the_metadata_is_what_the_hub_reads(card):
    metadata = metadata_of(card)
    index = metadata.pop("model-index")
    assert metadata == {
        "license": "apache-2.0",
        "language": ["en"],
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "base_model": ["Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF"],
        "base_model_relation": "adapter",
        "tags": ["bash", "cli-tuner", "code", "command-line", "gguf", "lora", "nl2bash", "shell"],
    }
    assert [entry["name"] for entry in index] == ["tiny-v1", "tiny-v1-Q4_K_M"]
    assert index[1]["results"][0]["metrics"][0] == {
        "type": "exact_match",
        "name": "exact_canonical",
        "value": 66.67,
        "args": {"n": 3, "low_95": 60.0, "high_95": 100.0},
    }


def test_the_hub_s_own_library_reads_the_results(kit):
    library = pytest.importorskip("huggingface_hub")
    model = opened(kit, evaluations=(kit.make_evaluation("tiny-dev"),))
    read = library.ModelCard(model_card(model, "team/tiny"))
    found = {one.metric_type: one for one in read.data.eval_results}
    assert found["exact_match"].metric_value == 100.0
    assert found["bleu"].metric_args == {"n": 3, "low_95": 40.25, "high_95": 80.0}
    assert found["bleu"].dataset_revision == "d" * 64
    assert read.data.base_model == ["Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF"]


def test_a_model_that_nobody_measured_says_so(kit):
    card = model_card(opened(kit), "team/tiny")
    assert "This model has not been evaluated." in card
    assert "model-index" not in metadata_of(card)


def test_an_adapter_of_other_weights_says_what_it_was_trained_on(kit):
    base = {"name": "Qwen/Big", "repo": "Qwen/Big", "revision": "r1", "sha256": "7" * 64}
    kit.make_run(base=base, engine="axolotl")
    card = model_card(opened(kit), "team/tiny")
    assert "It was trained on Qwen/Big, and is applied to another quantization" in card
    assert '    "Qwen/Big",\n    revision="r1",\n)' in card
    assert "dettmers2023qlora" in card


def test_the_metadata_has_no_anchors(card):
    assert "&id" not in card.split("---\n", 2)[1]


def test_a_failed_gate_is_in_the_card(kit):
    model = opened(kit, evaluations=(kit.make_evaluation("tiny-dev", right="001"),))
    assert "33.3 % [30.0, 100.0], n 3 | FAIL |" in model_card(model, "team/tiny")


def test_sets_with_other_rows_do_not_stand_side_by_side(kit):
    other = {"dev": {"n": 1, "file": "dev.jsonl", "sha256": "e" * 64, "suites": {"domain": {
        "measures": {"exact_canonical": {"hits": 1, "n": 1, "value": 1, "low": 0.2, "high": 1}},
    }}}}  # fmt: skip
    folders = (
        kit.make_evaluation("base-dev", of="base", sets=other),
        kit.make_evaluation("tiny-dev"),
    )
    model = opened(kit, evaluations=folders)
    card = model_card(model, "team/tiny")
    assert model.paired == ()
    assert "| measure | n | base |  |" in card
    assert "| measure | n | adapter |  |" in card


def test_the_guard_s_own_measurement_counts_for_the_gates(kit):
    gate = {"gate": "caught", "condition": "≥ 100 %", "set": "cases.jsonl", "verdict": "pass",
            "hits": 5, "n": 5, "value": 1.0, "low": 0.57, "high": 1.0}  # fmt: skip
    guard = kit.make_evaluation("guard", model={}, sets={}, gates=[gate], run={"identity": {}})
    model = opened(kit, evaluations=(guard, kit.make_evaluation("tiny-dev")))
    assert "| cases.jsonl | 100.0 % [57.0, 100.0], n 5 | pass |" in model_card(model, "team/tiny")


def test_texts_from_elsewhere_are_shown_and_not_obeyed(kit):
    evil = "<img src=x> | [click](http://evil) \u202e"
    kit.make_data(sources=[{"attribution": {"tldr": f"{evil}\n# Big"}}], config={})
    kit.make_run(trained_by=evil)
    text = model_card(opened(kit), "team/tiny").split("---\n", 2)[2]
    assert not re.search(r"(?<!\\)<img", text)
    assert not re.search(r"(?<!\\)\[click", text)
    assert "\u202e" not in text
    assert "\n# Big" not in text


def test_the_same_record_gives_the_same_card_and_survives_its_file(measured, tmp_path):
    (tmp_path / "record.json").write_bytes(as_bytes(measured))
    again = read_record(tmp_path / "record.json")
    assert again == measured
    assert as_bytes(again) == as_bytes(measured)
    assert model_card(again, "team/tiny") == model_card(measured, "team/tiny")


@pytest.mark.parametrize(
    ("hardware", "kwh"),
    [
        ({"device": "cuda", "gpu": "NVIDIA H200", "threads": 8}, 0.7),
        ({"device": "cuda", "gpu": "NVIDIA GeForce RTX 4090"}, 0.45),
        ({"device": "cuda", "gpu": "Some Board 9000", "threads": 8}, None),
        ({"device": "cpu", "threads": 4}, 0.04),
        ({}, None),
    ],
)
def test_energy_is_hours_times_an_assumed_power_or_nothing(hardware, kwh):
    cost = cost_of({"seconds": 3600, "hardware": hardware})
    assert cost.hours == 1
    assert cost.kwh == (None if kwh is None else pytest.approx(kwh))
    assert cost.assumption


def test_the_adapter_that_it_goes_on_from_is_named(kit):
    model = opened(kit)
    assert "goes on from" not in model_card(model, None)
    began = {**model.record, "start": {"name": "tiny-v0", "sha256": "0" * 64}}
    text = model_card(replace(model, run={**model.run, "model": began}), None)
    assert f"| goes on from | the adapter `tiny-v0`, SHA-256 `{'0' * 64}` |" in text
