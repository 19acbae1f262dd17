"""Cross-entropy at the answer's tokens, without ever holding the logits of a whole pass.

The head has 151,936 rows: for 1,000 tokens the logits alone would be 600 MB, and their gradient as
much again. The head is frozen, so the gradient of the hidden states can be made piece by piece in
the forward pass, as Liger Kernel does it on GPUs (Hsu et al. 2024, arXiv:2410.10989).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

PIECE = 128
"""Answer tokens at a time: 78 MB of float32 logits."""


def answer_loss(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """The sum, in nats, of -log p(target) over M answer tokens.

    hidden (M, d): the states that predict them; head (V, d), frozen; targets (M,) int64.
    """
    if hidden.requires_grad and torch.is_grad_enabled():
        result: Tensor = _AnswerLoss.apply(hidden, head, targets)
        return result
    return _summed(hidden, head, targets, None)


def _summed(hidden: Tensor, head: Tensor, targets: Tensor, gradient: Tensor | None) -> Tensor:
    total = torch.zeros((), device=hidden.device)
    for first in range(0, len(targets), PIECE):
        here = slice(first, first + PIECE)
        logits = (hidden[here] @ head.T).float()  # (M', V)
        wanted = targets[here, None]
        log_sum = logits.logsumexp(dim=-1, keepdim=True)  # (M', 1)
        total += (log_sum - logits.gather(1, wanted)).sum()
        if gradient is not None:
            share = logits.sub_(log_sum).exp_()  # softmax
            share.scatter_add_(1, wanted, torch.full_like(log_sum, -1.0))
            gradient[here] = share.to(head.dtype) @ head
    return total


class _AnswerLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        gradient = torch.empty_like(hidden)
        total = _summed(hidden, head, targets, gradient)
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, dtotal: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * dtotal, None, None
