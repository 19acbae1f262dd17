"""The wiring of lm-evaluation-harness; what needs the package itself runs in `make lmeval-test`."""

from __future__ import annotations

import importlib.util
import json

import pytest

from cli_tuner.artifacts import SILENT
from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.errors import EvaluationError, ExtraMissing
from cli_tuner.evaluate.config import General
from cli_tuner.evaluate.general.benchmarks import Benchmarks, rate_in, run_benchmarks
from cli_tuner.evaluate.general.continuing import Remembering
from cli_tuner.evaluate.rate import Rate

HAS_HARNESS = importlib.util.find_spec("lm_eval") is not None
pytestmark = pytest.mark.filterwarnings("ignore")  # lm-eval and datasets have their own
needs_harness = pytest.mark.skipif(not HAS_HARNESS, reason="make lmeval-test has it")


class Continues(ScriptedBackend):
    """Says the same after every text."""

    def __init__(self, text):
        super().__init__({})
        self.text, self.asked = text, []

    def complete_text(self, prompt, stop, max_new_tokens, cancelled=None):
        self.asked.append((prompt, tuple(stop), max_new_tokens))
        return self.text


def test_a_text_is_continued_once_also_after_a_run_that_was_killed(tmp_path):
    backend, file = Continues(" 5"), tmp_path / "general.jsonl"
    assert Remembering(backend, file).continuation("2+3=", ["\n"], 8) == " 5"
    with file.open("a") as opened:
        opened.write('{"asked_sha256": "half a li')
    again = Remembering(backend, file)
    assert again.continuation("2+3=", ["\n"], 8) == " 5"
    assert len(backend.asked) == 1
    again.continuation("2+3=", ["\n"], 9)
    assert len(backend.asked) == 2
    assert len(file.read_text().splitlines()) == 2


def test_the_largest_drop_is_the_one_that_counts():
    base = {"a": Rate(80, 100), "b": Rate(50, 100), "c": Rate(1, 2)}
    found = Benchmarks({"a": Rate(78, 100), "b": Rate(40, 100)}, {}, base)
    drop = found.drop_points
    assert drop is not None
    assert drop.value == pytest.approx(10)
    assert drop.low < 0
    assert drop.high > 10
    assert Benchmarks({"a": Rate(1, 2)}).drop_points is None
    assert Benchmarks({"a": Rate(1, 2), "d": Rate(1, 2)}, {}, base).drop_points is None
    assert Benchmarks({"a": Rate(1, 2)}, {"b": "no data"}, base).drop_points is None
    own = {"cli_tuner_sums": Rate(1, 2)}
    assert Benchmarks(own, {}, own).drop_points is None
    # Newcombe 1998, table II (a): 56/70 and 48/80, method 10
    twenty = Benchmarks({"x": Rate(48, 80)}, {}, {"x": Rate(56, 70)}).drop_points
    assert twenty is not None
    assert (twenty.low, twenty.high) == pytest.approx((5.24, 33.39), abs=0.01)


def test_a_tasks_rate_is_that_of_one_filter():
    samples = [
        {"filter": "strict-match", "exact_match": 0.0},
        {"filter": "flexible-extract", "exact_match": 1.0},
        {"filter": "flexible-extract", "exact_match": 0.0},
    ]
    assert rate_in(samples, "gsm8k") == Rate(1, 2)
    with pytest.raises(EvaluationError, match="none of the metrics"):
        rate_in([{"bleu": 3.0}], "other")


def test_a_backend_that_only_answers_requests_is_said(tmp_path):
    config = General(tasks=("cli_tuner_sums",))
    with pytest.raises(EvaluationError, match="does not continue texts"):
        run_benchmarks(config, ScriptedBackend({}), tmp_path, SILENT)


@pytest.mark.skipif(HAS_HARNESS, reason="it is installed here")
def test_without_the_package_the_error_says_how_to_get_it(tmp_path):
    config = General(tasks=("cli_tuner_sums",))
    with pytest.raises(ExtraMissing, match=r"pip install 'cli-tuner\[lmeval\]'"):
        run_benchmarks(config, Continues(""), tmp_path, SILENT)


@needs_harness
def test_our_own_task_runs_end_to_end(tmp_path):
    config = General(tasks=("cli_tuner_sums",), limit=5)
    backend = Continues(" 43 marbles")
    found = run_benchmarks(config, backend, tmp_path, SILENT)
    assert found.rates["cli_tuner_sums"].n == 5
    assert len(backend.asked) == 5
    prompt, stop, most = backend.asked[0]
    assert prompt.endswith("\nAnswer:")
    assert (stop[0], most) == ("\n", 24)


@needs_harness
def test_the_base_is_what_the_drop_is_measured_from(tmp_path):
    base = {"general": {"facts": {"limit": 5}, "tasks": {"cli_tuner_sums": {"hits": 5, "n": 5}}}}
    (tmp_path / "results.json").write_text(json.dumps(base))
    config = General(tasks=("cli_tuner_sums",), limit=5, base=str(tmp_path))
    found = run_benchmarks(config, Continues("no idea"), tmp_path, SILENT)
    assert found.base == {"cli_tuner_sums": Rate(5, 5)}
    assert found.rates == {"cli_tuner_sums": Rate(0, 5)}
    other = config.model_copy(update={"limit": 4})
    with pytest.raises(EvaluationError, match="another limit"):
        run_benchmarks(other, Continues("no idea"), tmp_path, SILENT)


@needs_harness
def test_a_task_that_runs_programs_needs_leave(tmp_path):
    found = run_benchmarks(General(tasks=("humaneval",)), Continues(""), tmp_path, SILENT)
    assert found.rates == {}
    assert "runs the programs that the model writes" in found.missing["humaneval"]


@needs_harness
def test_a_task_that_nobody_knows_is_said(tmp_path):
    with pytest.raises(EvaluationError, match='lm-eval has no task "nonesuch"'):
        run_benchmarks(General(tasks=("nonesuch",)), Continues(""), tmp_path, SILENT)


@needs_harness
def test_data_that_cannot_be_had_is_no_number(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    import lm_eval.tasks

    def fails(*_given):
        raise ConnectionError("Couldn't reach 'gsm8k' on the Hub")

    monkeypatch.setattr(lm_eval.tasks, "get_task_dict", fails)
    found = run_benchmarks(General(tasks=("gsm8k",)), Continues(""), tmp_path, SILENT)
    assert found.rates == {}
    assert "cannot be had here: Couldn't reach" in found.missing["gsm8k"]
    assert found.drop_points is None


@needs_harness
def test_likelihoods_are_refused(tmp_path):
    from cli_tuner.evaluate.general.harness import harness_model

    model = harness_model(Remembering(Continues(""), tmp_path / "x"), SILENT)
    with pytest.raises(EvaluationError, match="which the engine does not give"):
        model.loglikelihood([])
