from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="make train-test has it")

import torch

from cli_tuner.train.config import Optimizer
from cli_tuner.train.optimizer import AdamW


def test_it_moves_as_torchs_own():
    config = Optimizer(weight_decay=0.1, betas=(0.9, 0.95))
    generator = torch.Generator().manual_seed(1)
    ours, gradient = torch.randn(50, generator=generator), torch.zeros(50)
    theirs = torch.nn.Parameter(ours.clone())
    adam = AdamW(ours, gradient, config)
    reference = torch.optim.AdamW([theirs], lr=0.01, betas=config.betas, weight_decay=0.1)
    for step in range(20):
        gradient.copy_(torch.randn(50, generator=generator))
        theirs.grad = gradient.clone()
        adam.update(step, 0.01)
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-6)


def test_a_long_gradient_is_cut_to_the_norm():
    gradient = torch.full((4,), 10.0)
    adam = AdamW(torch.zeros(4), gradient, Optimizer(max_grad_norm=1.0))
    assert adam.clip() == pytest.approx(20.0)
    assert float(gradient.norm()) == pytest.approx(1.0)
