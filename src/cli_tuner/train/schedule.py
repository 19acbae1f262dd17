"""The learning rate of each step: a straight warm-up, then half a cosine (arXiv:1608.03983)."""

from __future__ import annotations

import math

from cli_tuner.train.config import Optimizer


def learning_rate(step: int, steps: int, config: Optimizer) -> float:
    """The rate of a step (from 0) of so many. It depends on nothing else, not on the sitting."""
    warmup = max(1, round(config.warmup_share * steps))
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    share = config.final_share + (1 - config.final_share) * 0.5 * (1 + math.cos(math.pi * done))
    return config.learning_rate * share
