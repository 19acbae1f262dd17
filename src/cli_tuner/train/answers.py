"""Greedy answers with a cache of keys and values, many requests at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cli_tuner.chat import Encoded
from cli_tuner.train.model import Qwen2
from cli_tuner.train.packed import Packed, attention, pack


@dataclass
class _Cache:
    """Keys and values of B rows, (B, T, G, D) for each layer, and how many are there: (B,)."""

    keys: list[Tensor]
    values: list[Tensor]
    filled: Tensor

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Each row's newest token looks at all before it. q (B, H, D) -> (B, H D)."""
        keys, values = self.keys[layer], self.values[layer]
        rows = torch.arange(len(q), device=q.device)
        keys[rows, self.filled], values[rows, self.filled] = k, v
        seen = int(self.filled.max()) + 1
        mask = torch.arange(seen, device=q.device)[None, :] <= self.filled[:, None]  # (B, T)
        return attention(q[:, None], keys[:, :seen], values[:, :seen], mask[:, None])[:, 0]


def _prefilled(packed: Packed, room: int, model: Qwen2) -> tuple[_Cache, Tensor]:
    """Read the prompts; the cache, and the last hidden state of each row (B, d)."""
    shape, p = model.shape, packed.prefix
    size = (packed.rows, p + packed.width + room, shape.kv_heads, shape.head_size)
    cache = _Cache([], [], torch.zeros(packed.rows, dtype=torch.int64, device=model.device))

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        for kept, new in ((cache.keys, k), (cache.values, v)):
            kept.append(new.new_zeros(size))
            kept[layer][:, :p] = new[:p]
            kept[layer][:, p : p + packed.width] = packed.spread(new[p:])
        return packed.attend(layer, q, k, v)

    hidden = model(packed.ids, packed.positions, attend)
    cache.filled = packed.positions[packed.last] + 1
    return cache, hidden[packed.last]


@torch.no_grad()
def greedy_answers(
    model: Qwen2, prompts: Sequence[list[int]], prefix: int, stop: int, most: int
) -> list[list[int]]:
    """The most likely next token, again and again, until `stop` or `most` tokens.

    `prompts` are token ids that share their first `prefix`. Returns the new tokens, with `stop` if
    it came.
    """
    rows = [Encoded(prompt, [], len(prompt)) for prompt in prompts]
    cache, hidden = _prefilled(pack(rows, prefix, model.device), most, model)
    answers: list[list[int]] = [[] for _ in prompts]
    open_rows = set(range(len(prompts)))
    for _ in range(most):
        chosen = (hidden @ model.head.T).argmax(dim=-1)  # (B,)
        for row, token in enumerate(chosen.tolist()):
            if row in open_rows:
                answers[row].append(token)
                if token == stop:
                    open_rows.discard(row)
        if not open_rows:
            break
        hidden = model(chosen, cache.filled, cache.attend)  # (B, d)
        cache.filled = cache.filled + 1
    return answers
