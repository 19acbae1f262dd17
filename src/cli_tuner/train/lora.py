"""LoRA (Hu et al. 2021, arXiv:2106.09685) as one autograd function, and where its numbers live.

    y = x W^T + b + s * (x A^T) B^T        s = alpha / rank; W and b frozen, A and B learned

Modules with the same input share one product: q, k, v (and gate, up) are stacked in W, and their
A in one matrix. Written out by hand, the backward pass needs no copy of x and no product with a
frozen weight's gradient. A and B are float32; they are rounded to the precision of W for products.

All A and B are views of one flat vector, and so are their gradients: the optimizer, the clipping
and the checkpoint each see one tensor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cli_tuner.train.config import Lora

Shapes = Mapping[str, tuple[int, int]]
"""(out, in) of each linear module of a layer."""

STACKS: dict[str, tuple[str, ...]] = {
    "qkv": ("q_proj", "k_proj", "v_proj"),
    "o": ("o_proj",),
    "gate_up": ("gate_proj", "up_proj"),
    "down": ("down_proj",),
}
"""Modules that share their input, in the order of their outputs."""


@dataclass(frozen=True)
class Patch:
    """The adapter on one stack: k of its modules, each with the rows of y that it changes."""

    a: Tensor  # (k r, in)
    b: tuple[Tensor, ...]  # k times (out_i, r)
    rows: tuple[tuple[int, int], ...]  # k times (first, last + 1)
    scale: float
    dropout: float


class Adapter:
    """All A and B of a model, over one flat float32 vector."""

    def __init__(
        self,
        shapes: Shapes,
        layers: int,
        config: Lora,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        """B is zero, so the model begins as the base; A is uniform as in the original code."""
        self.rank, self.alpha, self.modules = config.rank, config.alpha, config.modules
        self.training = False
        self._shapes, self._dropout = shapes, config.dropout
        total = layers * sum(self.rank * sum(shapes[module]) for module in self.modules)
        self.values = torch.zeros(total, device=device)
        self.gradient = torch.zeros(total, device=device)
        self._used = 0
        self._patches = {
            (layer, stack): patch
            for layer in range(layers)
            for stack in STACKS
            if (patch := self._patch(stack)) is not None
        }
        self._begin(seed)

    def _patch(self, stack: str) -> Patch | None:
        chosen = [module for module in STACKS[stack] if module in self.modules]
        if not chosen:
            return None
        first, rows = 0, {}
        for module in STACKS[stack]:
            rows[module] = (first, first + self._shapes[module][0])
            first += self._shapes[module][0]
        width = self._shapes[chosen[0]][1]
        return Patch(
            a=self._slice(len(chosen) * self.rank, width),
            b=tuple(self._slice(self._shapes[module][0], self.rank) for module in chosen),
            rows=tuple(rows[module] for module in chosen),
            scale=self.alpha / self.rank,
            dropout=self._dropout,
        )

    def _slice(self, *shape: int) -> Tensor:
        """The next stretch of the flat vector as a leaf, its gradient the same stretch of ours."""
        begin, end = self._used, self._used + math.prod(shape)
        leaf = self.values[begin:end].view(shape).requires_grad_()
        leaf.grad = self.gradient[begin:end].view(shape)
        self._used = end
        return leaf

    def _begin(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for patch in self._patches.values():
                bound = 1 / math.sqrt(patch.a.shape[1])  # Kaiming, a = sqrt(5)
                values = torch.rand(patch.a.shape, generator=generator)
                patch.a.copy_((values * 2 - 1) * bound)

    def on(self, layer: int, stack: str) -> Patch | None:
        """What changes a stack of a layer; None if nothing does."""
        patch = self._patches.get((layer, stack))
        if patch is None or self.training or not patch.dropout:
            return patch
        return Patch(patch.a, patch.b, patch.rows, patch.scale, 0.0)

    def pairs(self) -> Iterator[tuple[int, str, Tensor, Tensor]]:
        """(layer, module, A (r, in), B (out, r)) of every module."""
        for (layer, stack), patch in self._patches.items():
            yield from self._apart(layer, stack, patch.a, patch.b)

    def put(self, pairs: Iterable[tuple[int, str, Tensor, Tensor]]) -> None:
        """Take these values, as `pairs` gives them, for all modules."""
        given = {(layer, module): (a, b) for layer, module, a, b in pairs}
        with torch.no_grad():
            for layer, module, a, b in self.pairs():
                new_a, new_b = given.pop((layer, module))
                a.copy_(new_a)
                b.copy_(new_b)
        if given:
            raise ValueError(f"{len(given)} modules that this adapter has not")

    def gradients(self) -> Iterator[tuple[int, str, Tensor, Tensor]]:
        """The same of the gradient."""
        for (layer, stack), patch in self._patches.items():
            yield from self._apart(layer, stack, patch.a.grad, [b.grad for b in patch.b])

    def _apart(
        self, layer: int, stack: str, a: Any, b: Sequence[Any]
    ) -> Iterator[tuple[int, str, Tensor, Tensor]]:
        chosen = [module for module in STACKS[stack] if module in self.modules]
        for module, down, up in zip(chosen, a.detach().split(self.rank), b, strict=True):
            yield layer, module, down, up.detach()


def project(x: Tensor, weight: Tensor, bias: Tensor | None, patch: Patch | None) -> Tensor:
    """y (N, out) of x (N, in)."""
    if patch is None:
        return torch.nn.functional.linear(x, weight, bias)
    result: Tensor = _Project.apply(x, weight, bias, patch, patch.a, *patch.b)
    return result


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,  # (N, in)
        weight: Tensor,  # (out, in)
        bias: Tensor | None,
        patch: Patch,
        *learned: Tensor,  # A, then each B
    ) -> Tensor:
        a, *b = learned
        y = torch.nn.functional.linear(x, weight, bias)
        kept = None
        if patch.dropout:
            kept = (torch.rand_like(x) >= patch.dropout) / (1 - patch.dropout)
            kept = kept.to(x.dtype)
        rank = b[0].shape[1]
        low = (x if kept is None else x * kept) @ a.to(x.dtype).T  # (N, k r)
        for part, up, (first, last) in zip(low.split(rank, 1), b, patch.rows, strict=True):
            y[:, first:last].addmm_(part, up.to(x.dtype).T, alpha=patch.scale)
        ctx.patch = patch
        ctx.save_for_backward(x, kept, low, weight, a, *b)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, kept, low, weight, a, *b = ctx.saved_tensors
        patch: Patch = ctx.patch
        rank = b[0].shape[1]
        dlow = torch.empty_like(low)
        gradients = []
        parts = zip(low.split(rank, 1), dlow.split(rank, 1), strict=True)
        for (part, dpart), up, (first, last) in zip(parts, b, patch.rows, strict=True):
            dpart.copy_((dy[:, first:last] @ up.to(x.dtype)) * patch.scale)
            gradients.append((dy[:, first:last].T @ part).float() * patch.scale)
        da = (dlow.T @ (x if kept is None else x * kept)).float()
        dx = None
        if ctx.needs_input_grad[0]:
            through = dlow @ a.to(x.dtype)
            dx = torch.addmm(through if kept is None else through * kept, dy, weight)
        return dx, None, None, None, da, *gradients
