from __future__ import annotations

import pytest

from cli_tuner.train.config import Optimizer
from cli_tuner.train.schedule import learning_rate

RATE = Optimizer(learning_rate=1.0 - 1e-9, warmup_share=0.1, final_share=0.1)


def test_it_rises_straight_and_falls_by_a_cosine():
    rates = [learning_rate(step, 100, RATE) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.55, abs=0.02)
    assert rates[99] == pytest.approx(0.1, abs=0.01)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_a_run_of_one_step_has_a_rate():
    assert learning_rate(0, 1, RATE) > 0
