"""One pass: B examples that share a prefix, packed without padding, and how they attend.

    ids  (N,) = [ prefix: P | example 1: n_1 | ... | example B: n_B ],  N = P + n_1 + ... + n_B

In attention, and only there, examples are rows of (B, S), S = max n_i. A row sees the prefix and
itself, never another row. Padding is on the right, after every token that could see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from cli_tuner.chat import Encoded


@dataclass(frozen=True)
class Packed:
    """The tensors of one pass."""

    ids: Tensor  # (N,)
    positions: Tensor  # (N,) 0 ... P-1, then P ... in each example
    cells: Tensor  # (N - P,) where each token stands in (B, S), flattened
    prefix: int  # P
    rows: int  # B
    width: int  # S
    predicting: Tensor  # (M,) which of the N tokens predict an answer token
    targets: Tensor  # (M,) the answer tokens
    last: Tensor  # (B,) the last token of each example

    @property
    def tokens(self) -> int:
        """Tokens computed."""
        return len(self.ids)

    def attend(self, _layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Causal attention within prefix + example. q (N, H, D), k and v (N, G, D) -> (N, H D)."""
        p = self.prefix
        begin = attention(q[None, :p], k[None, :p], v[None, :p], causal(p, p, q.device))
        own_k, own_v = self.spread(k[p:]), self.spread(v[p:])  # (B, S, G, D)
        keys = torch.cat((k[:p].expand(self.rows, -1, -1, -1), own_k), dim=1)  # (B, P+S, G, D)
        values = torch.cat((v[:p].expand(self.rows, -1, -1, -1), own_v), dim=1)
        mask = causal(self.width, p + self.width, q.device)  # (1, S, P+S)
        mixed = attention(self.spread(q[p:]), keys, values, mask)  # (B, S, H D)
        return torch.cat((begin[0], _Collect.apply(mixed.flatten(0, 1), self.cells)))

    def spread(self, x: Tensor) -> Tensor:
        """(N - P, heads, D) -> (B, S, heads, D), zero where there is no token."""
        cells = x.new_zeros((self.rows * self.width, *x.shape[1:])).index_copy(0, self.cells, x)
        return cells.view(self.rows, self.width, *x.shape[1:])


def causal(queries: int, keys: int, device: torch.device) -> Tensor:
    """(1, queries, keys): true where a query may look; the last query sees all keys."""
    every = torch.ones(1, queries, keys, dtype=torch.bool, device=device)
    return every.tril(keys - queries)


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245), spelled out.

    q (B, S, H, D), k and v (B, T, G, D), mask (B or 1, S, T), true where a query may look.
    Returns (B, S, H D). Products in the inputs' precision, softmax in float32.
    """
    rows, width, heads, size = q.shape
    groups = k.shape[2]
    seen, each = k.shape[1], heads // groups
    # (B, S, H, D) -> (B, G, each * S, D): the heads of a group ask the same keys in one product
    asked = q.view(rows, width, groups, each, size).permute(0, 2, 3, 1, 4)
    asked = asked.reshape(rows, groups, each * width, size)
    scores = asked @ k.permute(0, 2, 3, 1)  # (B, G, each * S, T)
    scores = scores.view(rows, groups, each, width, seen).float() * size**-0.5
    weights = scores.masked_fill(~mask[:, None, None], -torch.inf).softmax(dim=-1).to(v.dtype)
    mixed = weights.view(rows, groups, each * width, seen) @ v.permute(0, 2, 1, 3)
    mixed = mixed.view(rows, groups, each, width, size).permute(0, 3, 1, 2, 4)
    return mixed.reshape(rows, width, heads * size)


class _Collect(torch.autograd.Function):
    """x[cells] for cells that are all different, so that its gradient is a copy, not a sum."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cells: Tensor) -> Tensor:
        ctx.rows = x.shape[0]
        ctx.save_for_backward(cells)
        return x.index_select(0, cells)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
        (cells,) = ctx.saved_tensors
        return dy.new_zeros((ctx.rows, *dy.shape[1:])).index_copy(0, cells, dy), None


def pack(examples: Sequence[Encoded], prefix: int, device: torch.device) -> Packed:
    """Pack whole examples whose first `prefix` tokens are the same."""
    begin = examples[0].input_ids[:prefix]
    own = [example.input_ids[prefix:] for example in examples]
    width = max(map(len, own))
    first = [prefix, *accumulate(map(len, own), initial=prefix)][1:]  # of each example, in ids
    ids, positions = list(begin), list(range(prefix))
    cells: list[int] = []
    predicting: list[int] = []
    targets: list[int] = []
    for row, (example, tokens) in enumerate(zip(examples, own, strict=True)):
        ids += tokens
        positions += range(prefix, prefix + len(tokens))
        cells += range(row * width, row * width + len(tokens))
        border = first[row] + example.prompt_tokens - prefix  # the answer's first token, in ids
        predicting += range(border - 1, border - 1 + example.answer_tokens)
        targets += example.input_ids[example.prompt_tokens :]
    last = [begin + len(tokens) - 1 for begin, tokens in zip(first[:-1], own, strict=True)]

    def tensor(values: list[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.int64).to(device)

    return Packed(
        tensor(ids),
        tensor(positions),
        tensor(cells),
        prefix,
        len(own),
        width,
        tensor(predicting),
        tensor(targets),
        tensor(last),
    )
