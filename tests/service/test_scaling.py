"""docs/SCALING.md says what `benchmarks/scaling.py` computes from what was measured."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scaling():
    spec = importlib.util.spec_from_file_location("scaling", ROOT / "benchmarks/scaling.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_the_tables_of_today(scaling):
    page = (ROOT / "docs/SCALING.md").read_text("utf-8")
    assert scaling.written(page) == page, "run: python benchmarks/scaling.py --write"
    for table in scaling.tables().values():
        assert all(f"{people:,} people" in table for people in (10, 1_000, 100_000))


def test_the_page_says_the_numbers_that_the_program_assumes(scaling):
    page = " ".join((ROOT / "docs/SCALING.md").read_text("utf-8").split())
    assert f"asks {scaling.ASKS_A_DAY} times a working day" in page
    assert f"judges {scaling.CHECKS_A_DAY} commands" in page
    assert scaling.BUSY_HOUR == 0.2 and "a fifth of a day" in page
    assert f"busier than {scaling.MOST_BUSY:.0%}".replace("%", " %") in page
    assert f"n = {scaling.TOKENS_AN_ANSWER} tokens" in page
    _, service = scaling.measured()
    assert f"for an answer ({service['own']['cpu_ms']:.1f} ms)" in page
    assert f"for a judgement ({service['check']['cpu_ms']:.1f} ms)" in page


def test_the_wait_is_that_of_a_queue_with_equal_answers(scaling):
    """M/D/1 at half its rate waits busy / (2 (1 - busy)) of an answer: half of one."""
    need = scaling.engines(0.5, [1.0])
    assert (need.engines, need.share) == (1, 0.5)
    assert need.wait_s == pytest.approx(0.5)


@pytest.mark.parametrize("per_s", [0.001, 0.6, 1.2, 7.3, 500.0])
def test_no_engine_is_too_busy_and_one_fewer_would_be(scaling, per_s):
    seconds = [0.4, 0.6, 2.0]
    need = scaling.engines(per_s, seconds)
    assert need.share <= scaling.MOST_BUSY
    assert need.wait_s <= 1.0
    if need.engines > 1:
        rate = per_s / (need.engines - 1)
        wait_s = rate * (0.16 + 0.36 + 4) / 3 / (2 * (1 - rate)) if rate < 1 else 9
        assert rate > scaling.MOST_BUSY or wait_s > 1.0


def test_gpus_follow_from_what_they_write(scaling):
    assert scaling.gpus(111.1, 1_000) == 3
    assert scaling.gpus(0.01, 1_000) == 1
