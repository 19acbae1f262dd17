"""A drift injected on purpose is found; none is found where there is none."""

import json
import random
from datetime import date, timedelta

import pytest
from tests.watch.conftest import NOW

from cli_tuner.watch.drift import Quality, Sign, findings, ks, psi, worst
from cli_tuner.watch.evaluation import Compared
from cli_tuner.watch.numbers import Day, Numbers

NOTHING = Quality()


def period(count=1_000, seed=1, **changes):
    """A usual week: 80 % safe, 5 % refused, confidences around 0.85."""
    chance = random.Random(seed)
    made = Numbers(NOW - timedelta(days=7), NOW)
    refused = int(count * changes.get("refused", 0.05))
    made.days[NOW.date()] = Day(answered=count - refused, refused=refused)
    made.refusals["dangerous"] = refused
    middle = changes.get("confidence", 0.85)
    made.confidences = [min(1.0, max(0.0, chance.gauss(middle, 0.08))) for _ in range(count)]
    length = changes.get("length", 40)
    made.prompt_tokens = [max(20, round(chance.gauss(length, 6))) for _ in range(count)]
    review = int(count * changes.get("review", 0.15))
    made.levels.update({"safe": count - review - refused, "review": review, "dangerous": refused})
    made.signals = int(count * changes.get("signals", 0.001))
    made.feedback["wrong"] = int(count * changes.get("wrong", 0.01))
    return made


def signs(now, before=None, quality=NOTHING):
    return {one.name: one.sign for one in findings(now, before or period(seed=2), quality)}


@pytest.mark.parametrize("seed", range(10, 20))
def test_two_weeks_of_the_same_kind_do_not_differ(seed):
    assert set(signs(period(seed=seed)).values()) == {Sign.NONE}


@pytest.mark.parametrize(
    ("changes", "name", "sign"),
    [
        ({"refused": 0.13}, "pass rate", Sign.ALERT),
        ({"refused": 0.20}, "pass rate", Sign.RETRAIN),
        ({"confidence": 0.70}, "confidence", Sign.RETRAIN),
        ({"confidence": 0.82}, "confidence", Sign.ALERT),
        ({"length": 60}, "query length", Sign.RETRAIN),
        ({"review": 0.40}, "levels", Sign.RETRAIN),
        ({"signals": 0.05}, "injection", Sign.ALERT),
        ({"wrong": 0.08}, "reports", Sign.RETRAIN),
    ],
)
def test_a_drift_injected_on_purpose_is_found(changes, name, sign):
    assert signs(period(**changes))[name] is sign


def test_small_weeks_say_nothing():
    found = findings(period(50, confidence=0.2), period(), NOTHING)
    assert worst(found) is Sign.NONE
    assert "are needed" in found[0].said


@pytest.mark.parametrize(
    ("score", "sign"), [(0.80, Sign.NONE), (0.74, Sign.ALERT), (0.69, Sign.RETRAIN)]
)
def test_a_falling_evaluation_is_told_even_in_a_small_week(score, sign):
    quality = Quality((Compared("dev", score, 0.80),))
    assert signs(period(5), quality=quality)["evaluation on dev"] is sign


def test_a_quarter_after_the_training_it_is_time():
    recent, old = date(2026, 1, 1), date(2025, 11, 1)
    assert signs(period(5), quality=Quality(trained=recent))["schedule"] is Sign.NONE
    assert signs(period(5), quality=Quality(trained=old))["schedule"] is Sign.RETRAIN


def test_psi_is_nothing_for_equal_shares_and_symmetric():
    assert psi([10, 20, 30], [10, 20, 30]) == 0
    assert psi([100, 200], [1_000, 2_000]) == pytest.approx(0, abs=1e-4)
    assert psi([1, 99], [50, 50]) == pytest.approx(psi([50, 50], [1, 99]))
    assert psi([0, 100], [100, 0]) > 1


def test_ks_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    chance = random.Random(3)
    for shift in (0.0, 0.1, 0.3, 1.0):
        one = [chance.gauss(0, 1) for _ in range(400)]
        other = [chance.gauss(shift, 1) for _ in range(300)]
        expected = stats.ks_2samp(one, other, method="asymp")
        distance, probability = ks(one, other)
        assert distance == pytest.approx(expected.statistic)
        assert probability == pytest.approx(expected.pvalue, abs=0.02)


@pytest.fixture
def evaluation(tmp_path):
    """The folder of an evaluation, as the stage writes it."""

    def write(folder, score, sha256="0" * 64, name="dev"):
        measures = {"exact_canonical": {"hits": 1, "n": 200, "value": score}}
        found = {"n": 200, "sha256": sha256, "suites": {"domain": {"measures": measures}}}
        path = tmp_path / folder
        path.mkdir()
        (path / "results.json").write_text(json.dumps({"sets": {name: found}}))
        return path

    return write


def test_the_program_tells_a_scheduler_by_its_status(paths, evaluation, monkeypatch, capsys):
    from cli_tuner.cli.main import main

    monkeypatch.setenv("CLI_TUNER_HOME", str(paths.state.parent))
    assert main(["watch", "drift"]) == 0
    release = evaluation("release", 0.80)
    week = ["watch", "drift", "--baseline", str(release), "--evaluation"]
    assert main([*week, str(evaluation("week-1", 0.72))]) == 10
    assert main([*week, str(evaluation("week-2", 0.60)), "--json"]) == 11
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert shown["sign"] == "retrain"
    for wrong in (
        [*week, str(evaluation("other", 0.80, sha256="1" * 64))],
        [*week, str(evaluation("none", 0.80, name="another"))],
        [*week, str(paths.state / "nowhere")],
        ["watch", "drift", "--evaluation", str(release)],
        ["watch", "drift", "--trained", "soon"],
    ):
        assert main(wrong) == 2


@pytest.fixture
def drift(paths, answered, monkeypatch, capsys):
    """The program's status and findings about 120 answers, after 120 usual ones."""
    from cli_tuner.cli.main import main

    monkeypatch.setenv("CLI_TUNER_HOME", str(paths.state.parent))

    def compare(*commands, logprob=-0.1):
        for days_ago, said, middle in ((10, ("ls -la",), -0.1), (0, commands, logprob)):
            for number in range(120):
                spread = -0.02 * (number % 5)
                command = said[number % len(said)]
                answered(command, days_ago=days_ago, logprob=middle + spread)
        period = ["--since", "2026-02-25", "--reference", "2026-02-15"]
        status = main(["watch", "drift", *period, "--json"])
        told = json.loads(capsys.readouterr().out)["findings"]
        assert len(told) > 5, told
        return status, {one["name"] for one in told if one["sign"] == "retrain"}

    return compare


def test_the_same_answers_again_are_no_drift(drift):
    assert drift("ls -la") == (0, set())


def test_a_model_that_is_less_sure_is_found_in_the_journal(drift):
    assert drift("ls -la", logprob=-1.2) == (11, {"confidence"})


def test_a_model_that_answers_dangerously_is_found_in_the_journal(drift):
    status, found = drift("ls -la", "rm -rf /etc")
    assert status == 11
    assert {"pass rate", "levels", "refusals"} <= found
