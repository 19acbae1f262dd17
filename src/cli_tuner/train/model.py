"""Qwen2 (Yang et al. 2024, arXiv:2407.10671), forward, for many short examples that begin alike.

Every prompt begins with the same P tokens (the system text), so these are computed once for a
whole pass and all examples attend to them; what follows is packed without any padding:

    ids  (N,) = [ prefix: P | example 1: n_1 | example 2: n_2 | ... | example B: n_B ]

With causal attention this is exactly what B separate rows would give, and gradients flow into the
prefix from all of them. Only attention unpacks, into (B, S) with S = max n_i.

    d hidden, H query heads, G key-value heads, D head size, F feed-forward, V vocabulary

The residual stream is float32; products with frozen weights are in the weights' precision.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from safetensors import safe_open
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from cli_tuner.errors import TrainingError
from cli_tuner.train.lora import Adapter, Shapes, project

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, q (N, H, D), k (N, G, D), v (N, G, D)) -> (N, H*D)."""


@dataclass(frozen=True)
class Architecture:
    """The sizes, from a config.json."""

    layers: int
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    rope_theta: float
    norm_eps: float
    tied: bool

    @classmethod
    def of(cls, folder: Path) -> Architecture:
        """Read it. Raises TrainingError for what is no Qwen2."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if config.get("model_type") != "qwen2" or config.get("use_sliding_window"):
            raise TrainingError(
                f"{folder} is a {config.get('model_type')} model; this engine trains qwen2",
                hint="use engine: axolotl",
            )
        theta = config.get("rope_theta") or config.get("rope_parameters", {}).get("rope_theta")
        return cls(
            layers=config["num_hidden_layers"],
            hidden=config["hidden_size"],
            feed_forward=config["intermediate_size"],
            heads=config["num_attention_heads"],
            kv_heads=config["num_key_value_heads"],
            head_size=config["hidden_size"] // config["num_attention_heads"],
            vocabulary=config["vocab_size"],
            rope_theta=float(theta),
            norm_eps=config["rms_norm_eps"],
            tied=bool(config.get("tie_word_embeddings", False)),
        )

    @property
    def shapes(self) -> Shapes:
        """(out, in) of every linear module of a layer."""
        d, f, size = self.hidden, self.feed_forward, self.head_size
        query, key = self.heads * size, self.kv_heads * size
        return {
            "q_proj": (query, d),
            "k_proj": (key, d),
            "v_proj": (key, d),
            "o_proj": (d, query),
            "gate_proj": (f, d),
            "up_proj": (f, d),
            "down_proj": (d, f),
        }


@dataclass(frozen=True)
class Layer:
    """One layer's frozen weights; q, k, v and gate, up are stacked."""

    attention_norm: Tensor  # (d,)
    qkv: Tensor  # ((H + 2G) D, d)
    qkv_bias: Tensor  # ((H + 2G) D,)
    o: Tensor  # (d, H D)
    mlp_norm: Tensor  # (d,)
    gate_up: Tensor  # (2F, d)
    down: Tensor  # (d, F)


class Qwen2:
    """The frozen base with an adapter on it."""

    def __init__(self, folder: Path, adapter: Adapter, device: str, precision: torch.dtype) -> None:
        """Load the weights of a folder to a device."""
        self.shape = Architecture.of(folder)
        self.adapter = adapter
        self.device = torch.device(device)
        self.precision = precision
        load = _Weights(folder, self.device, precision)
        self.embedding = load("model.embed_tokens.weight")  # (V, d)
        self.head = self.embedding if self.shape.tied else load("lm_head.weight")  # (V, d)
        self.norm = load("model.norm.weight").float()  # (d,)
        self.layers = [load.layer(number) for number in range(self.shape.layers)]
        size = self.shape.head_size
        exponent = torch.arange(0, size, 2, device=self.device, dtype=torch.float32) / size
        self._frequencies = self.shape.rope_theta**-exponent  # (D/2,)

    def __call__(
        self, ids: Tensor, positions: Tensor, attend: Attend, *, recompute: bool = False
    ) -> Tensor:
        """The hidden states after the last norm, (N, d) in the weights' precision.

        `ids` and `positions` are (N,) int64.
        """
        turns = self._rotation(positions)
        x = F.embedding(ids, self.embedding).float()  # (N, d)
        for number in range(self.shape.layers):
            if recompute and torch.is_grad_enabled():
                x = checkpoint(self._layer, number, x, turns, attend, use_reentrant=False)
            else:
                x = self._layer(number, x, turns, attend)
        return self._normed(x, self.norm)

    def _layer(
        self, number: int, x: Tensor, turns: tuple[Tensor, Tensor], attend: Attend
    ) -> Tensor:
        layer, shape, lora = self.layers[number], self.shape, self.adapter
        tokens, size = x.shape[0], shape.head_size
        normed = self._normed(x, layer.attention_norm)
        qkv = project(normed, layer.qkv, layer.qkv_bias, lora.on(number, "qkv"))
        qkv = qkv.view(tokens, -1, size)  # (N, H + 2G, D)
        q, k, v = qkv.split((shape.heads, shape.kv_heads, shape.kv_heads), dim=1)
        mixed = attend(number, _rotated(q, turns), _rotated(k, turns), v)  # (N, H D)
        x = x + project(mixed, layer.o, None, lora.on(number, "o"))
        normed = self._normed(x, layer.mlp_norm)
        gate_up = project(normed, layer.gate_up, None, lora.on(number, "gate_up"))  # (N, 2F)
        gate, up = gate_up.chunk(2, dim=-1)
        return x + project(F.silu(gate) * up, layer.down, None, lora.on(number, "down"))

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), weight, self.shape.norm_eps).to(self.precision)

    def _rotation(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """cos and sin of the rotary embedding (Su et al. 2021, arXiv:2104.09864), (N, 1, D)."""
        angles = positions.float()[:, None] * self._frequencies  # (N, D/2)
        angles = torch.cat((angles, angles), dim=-1)[:, None, :]
        return angles.cos().to(self.precision), angles.sin().to(self.precision)


def _rotated(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair (i, i + D/2) of a head by its angle. (N, heads, D) -> the same."""
    cos, sin = turns
    half = x.shape[-1] // 2
    across = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return x * cos + across * sin


class _Weights:
    """Reads a folder's tensors by name."""

    def __init__(self, folder: Path, device: torch.device, precision: torch.dtype) -> None:
        self._files: dict[str, Any] = {}
        for path in sorted(folder.glob("*.safetensors")):
            file = safe_open(path, framework="pt", device="cpu")
            self._files.update(dict.fromkeys(file.keys(), file))
        self._device, self._precision = device, precision

    def __call__(self, name: str, precision: torch.dtype | None = None) -> Tensor:
        if name not in self._files:
            raise TrainingError(f"the base has no tensor {name}", hint="is its folder whole?")
        found: Tensor = self._files[name].get_tensor(name)
        return found.to(self._device, precision or self._precision)

    def layer(self, number: int) -> Layer:
        """One layer's weights, stacked."""

        def load(*names: str, precision: torch.dtype | None = None) -> Tensor:
            found = [self(f"model.layers.{number}.{name}", precision) for name in names]
            return found[0] if len(found) == 1 else torch.cat(found)

        query = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
        return Layer(
            attention_norm=load("input_layernorm.weight", precision=torch.float32),
            qkv=load(*(f"{name}.weight" for name in query)),
            qkv_bias=load(*(f"{name}.bias" for name in query)),
            o=load("self_attn.o_proj.weight"),
            mlp_norm=load("post_attention_layernorm.weight", precision=torch.float32),
            gate_up=load("mlp.gate_proj.weight", "mlp.up_proj.weight"),
            down=load("mlp.down_proj.weight"),
        )
