"""AdamW (Loshchilov and Hutter 2017, arXiv:1711.05101) over one flat vector."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cli_tuner.train.config import Optimizer

_EPSILON = 1e-8


class AdamW:
    """The moments of a vector. A test compares with torch.optim.AdamW."""

    def __init__(self, values: Tensor, gradient: Tensor, config: Optimizer) -> None:
        self._values, self._gradient, self._config = values, gradient, config
        self.first = torch.zeros_like(values)
        self.second = torch.zeros_like(values)

    @torch.no_grad()
    def clip(self) -> float:
        """Scale the gradient down to the longest norm allowed. Returns the norm it had."""
        norm = float(self._gradient.norm())
        most = self._config.max_grad_norm
        if math.isfinite(norm) and norm > most:
            self._gradient.mul_(most / norm)
        return norm

    @torch.no_grad()
    def update(self, step: int, rate: float) -> None:
        """Move the vector; `step` counts from 0."""
        beta1, beta2 = self._config.betas
        self._values.mul_(1 - rate * self._config.weight_decay)
        self.first.lerp_(self._gradient, 1 - beta1)
        self.second.mul_(beta2).addcmul_(self._gradient, self._gradient, value=1 - beta2)
        spread = (self.second.sqrt() / math.sqrt(1 - beta2 ** (step + 1))).add_(_EPSILON)
        self._values.addcdiv_(self.first, spread, value=-rate / (1 - beta1 ** (step + 1)))
