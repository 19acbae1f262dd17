"""What is looked at before a model may be published."""

from __future__ import annotations

import json

import pytest

from cli_tuner.errors import NotPublishable, UsageError
from cli_tuner.publish.model_results import model_index
from cli_tuner.publish.trained import refuse_unlicensed
from cli_tuner.settings import Paths


def opened(kit, **changes):
    return kit.sources(**changes).open(Paths.of())


def test_the_record_is_read_from_the_stages_own_files(kit):
    model = opened(kit)
    assert model.name == "tiny-v1"
    assert model.base.file == "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    assert [(s.source, s.licence, s.rows) for s in model.shares] == [
        ("generated", "Apache-2.0", 6),
        ("tldr", "CC-BY-4.0", 3),
        ("nl2bash", "MIT", 1),
    ]
    assert [look.step for look in model.looks] == [0, 40]


def test_a_changed_adapter_is_refused(kit):
    kit.adapter.write_bytes(b"GGUFother")
    with pytest.raises(NotPublishable, match=r"tiny-v1\.gguf is changed"):
        opened(kit)


def test_an_adapter_that_its_record_does_not_know_is_refused(kit):
    kit.make_run(adapter={**kit.record()["adapter"], "sha256": "9" * 64})
    with pytest.raises(NotPublishable, match="is not the adapter of its record"):
        opened(kit)


def test_an_adapter_of_another_prompt_is_refused(kit):
    kit.make_run(template_sha256="9" * 64)
    with pytest.raises(NotPublishable, match="another prompt"):
        opened(kit)


def test_an_adapter_for_no_known_base_is_refused(kit):
    kit.make_run(serves={"name": "fast", "sha256": "9" * 64})
    with pytest.raises(NotPublishable, match="no base of the catalogue"):
        opened(kit)


def test_a_link_is_refused(kit, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    (kit.run / "link").symlink_to(secret)
    with pytest.raises(NotPublishable, match="symbolic link"):
        opened(kit)


def test_a_record_cannot_name_a_path(kit):
    kit.make_run(adapter={**kit.record()["adapter"], "file": "../models/tiny-v1.gguf"})
    with pytest.raises(NotPublishable, match="no record of an adapter"):
        opened(kit)


def test_another_data_set_than_the_one_it_learned_from_is_refused(kit):
    kit.make_data(rows=[("generated", "Apache-2.0")])
    with pytest.raises(NotPublishable, match="is not the data set that the adapter was trained on"):
        opened(kit)


def test_rows_that_ask_for_attribution_must_name_somebody(kit):
    kit.make_data(sources=[{"attribution": {}}])
    with pytest.raises(NotPublishable, match="nobody is named"):
        opened(kit)


def test_rows_under_no_known_licence_stay_private(kit):
    kit.make_data(rows=[("mine", "unknown")])
    kit.make_run()
    model = opened(kit)
    refuse_unlicensed(model, private=True)
    with pytest.raises(NotPublishable, match="1 training rows of mine are under no known licence"):
        refuse_unlicensed(model, private=False)


def test_the_licence_of_an_adapter_that_no_catalogue_knows_must_be_said(kit):
    with pytest.raises(NotPublishable, match="say it: --licence") as refused:
        opened(kit, licence=None)
    assert refused.value.hint == "say it: --licence"


def test_a_folder_of_another_stage_is_refused(kit):
    with pytest.raises(NotPublishable, match="was made by the stage data, not by train"):
        opened(kit, run=kit.data)
    with pytest.raises(UsageError, match="there is no folder"):
        opened(kit, run=kit.root / "nothing")


def test_an_evaluation_of_another_model_is_refused(kit):
    folder = kit.make_evaluation("tiny-dev")
    kit.make_run(content=b"another")
    with pytest.raises(NotPublishable, match="is an evaluation of another model"):
        opened(kit, evaluations=(folder,))


def test_an_evaluation_with_another_prompt_is_refused(kit):
    run = {"identity": {"template_sha256": "9" * 64}}
    with pytest.raises(NotPublishable, match="another prompt"):
        opened(kit, evaluations=(kit.make_evaluation("tiny-dev", run=run),))


def test_a_changed_report_is_refused(kit):
    folder = kit.make_evaluation("tiny-dev", right="001")
    results = json.loads((folder / "results.json").read_text())
    results["gates"][0]["verdict"] = "pass"
    (folder / "results.json").write_text(json.dumps(results))
    with pytest.raises(NotPublishable, match=r"results\.json is changed"):
        opened(kit, evaluations=(folder,))


def test_an_evaluation_on_a_base_with_the_same_layers_counts_as_its_own_form(kit):
    folders = (
        kit.make_evaluation("on-trimmed", of="adapter on trimmed"),
        kit.make_evaluation("trimmed", of="trimmed"),
        kit.make_evaluation("tiny-dev"),
    )
    model = opened(kit, evaluations=folders)
    assert model.forms == ("adapter", "fast-trimmed+none", "fast-trimmed+tiny-v1")
    assert [entry["name"] for entry in model_index(model)] == ["tiny-v1", "fast-trimmed+tiny-v1"]


def test_base_and_adapter_are_paired_on_the_items_of_both(kit):
    folders = (
        kit.make_evaluation("base-dev", of="base", right="1100"),
        kit.make_evaluation("tiny-dev", right="0111"),
    )
    [pair] = opened(kit, evaluations=folders).paired
    assert (pair.measure, pair.n, pair.fixed, pair.broken) == ("exact_canonical", 4, 2, 1)
    assert pair.p == 1.0


def test_files_merged_from_another_adapter_are_refused(kit):
    with pytest.raises(NotPublishable, match="was not merged from fast and tiny-v1"):
        opened(kit, merged=(kit.make_merged("Q4_K_M", adapter="9" * 64),))


def test_merged_files_get_the_names_that_ollama_looks_for(kit):
    model = opened(kit, merged=(kit.make_merged("F16", "Q4_K_M"),))
    assert [one.file for one in model.merged] == [
        "tiny-v1-F16.gguf",
        "tiny-v1-Q4_K_M.gguf",
        "variants/tiny-v1-q4_0-out-q6_k.gguf",
    ]
