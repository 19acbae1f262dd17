from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli_tuner.artifacts import load_config, open_artifact, run_stage
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate import suite
from cli_tuner.evaluate.config import EvaluateConfig
from cli_tuner.evaluate.rows import read_set
from cli_tuner.evaluate.stage import STAGE

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs" / "evaluate").glob("*.yaml"))
pytest.importorskip("sacrebleu", reason="the extra evaluate has it")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_configuration_is_valid_and_named_after_its_file(path):
    assert load_config(path, EvaluateConfig).name == path.stem


def test_base_and_tuned_models_are_measured_on_the_same_rows():
    names = ("fast-all", "fast-v2", "fast-v3", "balanced-all", "balanced-v3", "balanced-v4")
    found = [load_config(path, EvaluateConfig) for path in CONFIGS if path.stem in names]
    assert len(found) == 6
    assert len({one.sets for one in found}) == len({(one.seed, one.guard) for one in found}) == 1
    assert {one.name for one in found[0].sets} == {
        "generated-held-out", "generated-known", "dev", "test", "execution-dev",
        "execution-test", "adversarial",
    }  # fmt: skip
    for one in found[0].sets:
        if one.path.startswith("benchmarks/"):
            assert read_set(one.model_copy(update={"path": str(ROOT / one.path)}), 7).rows


@pytest.fixture
def made(config, backend):
    artifact, summary = run_stage(STAGE, config)
    return artifact, summary, json.loads((artifact.folder / "results.json").read_text())


def test_everything_is_written_and_verifies(made):
    artifact, _, _ = made
    open_artifact(artifact.folder)
    assert sorted(artifact.digests) == [
        "items.jsonl", "outcomes.jsonl",
        "plots/own-confidence.png", "plots/own-lengths.png", "plots/own-mistakes.png",
        "plots/own-utilities.png", "results.json", "results.md",
    ]  # fmt: skip


def test_the_numbers_are_those_of_the_script(made):
    _, _, results = made
    domain = results["sets"]["own"]["suites"]["domain"]
    hits = {name: one.get("hits") for name, one in domain["measures"].items()}
    assert hits["exact"] == 2  # the date and rm
    assert hits["exact_canonical"] == 3
    assert hits["command_only"] == 3
    assert hits["syntax"] == 4
    assert domain["labels"] == {"exact": 3, "wrong option": 1, "format": 1}
    assert domain["by_stratum"]["own/core"]["exact_canonical"]["n"] == 2
    assert domain["by_utility"]["wc"]["exact_canonical"]["hits"] == 0
    assert results["sets"]["own"]["refusals"] == {"dangerous": 1, "not_a_command": 1}


def test_gates_stand_as_they_are_and_what_is_not_measured_is_neither(made):
    _, summary, results = made
    verdicts = {one["gate"]: one["verdict"] for one in results["gates"]}
    assert verdicts["exact match, canonical"] == "FAIL"
    assert verdicts["dangerous commands caught (TPR)"] == "not measured"
    assert any("FAIL" in line for line in summary)


def test_the_provenance_names_what_the_numbers_depend_on(made):
    artifact, _, _ = made
    record = artifact.provenance
    assert record["model"]["name"] == "scripted"
    assert len(record["asked"]["identity"]["template_sha256"]) == 64
    assert record["sets"]["own"]["suites"]["domain"]["shellcheck"]
    assert record["machine"]["cores"]
    assert record["code"]["python"]


def test_the_report_reads_as_one(made):
    artifact, _, _ = made
    report = (artifact.folder / "results.md").read_text()
    for part in ("## Gates", "**FAIL**", "not measured", "By stratum", "Examples, wrong option",
                 "What the numbers do not mean", "expected calibration error"):  # fmt: skip
        assert part in report


def test_what_a_model_said_cannot_end_the_markup(config, backend):
    backend._answers = dict.fromkeys(backend._answers, "echo `x` | y\x1b[2J <b>")
    artifact, _ = run_stage(STAGE, config)
    report = (artifact.folder / "results.md").read_text()
    assert "`` echo `x` | y" in report
    assert "\x1b" not in report


def test_judging_again_asks_nothing_again(config, backend):
    run_stage(STAGE, config)
    run_stage(STAGE, config)
    assert len(backend.prompts) == 5


def test_a_suite_of_somebody_else_is_judged_and_reported(config, backend, monkeypatch):
    def judge(items, context):
        context.folder.mkdir(parents=True)
        (context.folder / "notes.txt").write_text("kept\n")
        outcomes = [suite.Outcome(one.id, {"fine": one.id != "a" or None}) for one in items]
        return suite.SuiteResult("mine", tuple(outcomes), notes=("Mine.",))

    monkeypatch.setitem(suite.SUITES, "mine", f"{__name__}:judge")
    monkeypatch.setattr(suite, "load_suite", lambda name: judge)
    monkeypatch.setattr("cli_tuner.evaluate.stage.load_suite", lambda name: judge)
    sets = tuple(one.model_copy(update={"suites": ("mine",)}) for one in config.sets)
    artifact, _ = run_stage(STAGE, config.model_copy(update={"sets": sets}))
    results = json.loads((artifact.folder / "results.json").read_text())
    mine = results["sets"]["own"]["suites"]["mine"]
    assert mine["measures"]["fine"]["n"] == 4
    assert mine["undecided"] == {"fine": 1}
    assert (artifact.folder / "suites" / "own" / "mine" / "notes.txt").read_text() == "kept\n"


def test_an_unknown_suite_is_said_before_anything_is_asked(config, backend):
    sets = tuple(one.model_copy(update={"suites": ("nonesuch",)}) for one in config.sets)
    with pytest.raises(EvaluationError, match='no suite "nonesuch"; known: domain'):
        run_stage(STAGE, config.model_copy(update={"sets": sets}))
    assert backend.prompts == []


def test_a_suite_that_loses_items_is_an_error():
    result = suite.SuiteResult("mine", ())
    with pytest.raises(EvaluationError, match="gave 0 outcomes for 1 items"):
        suite.checked(result, [SimpleNamespace(id="a")])
