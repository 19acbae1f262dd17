"""The training stage's configuration. `configs/train/*.yaml` are examples; a test reads each.

Everything outside `sitting` decides what is learned, and its digest is the run's identity: a run
goes on where it stopped if its digest is the same. What is in `sitting` says how this machine does
the work today and may change between two sittings of one run.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from cli_tuner.artifacts import Config, StageConfig

Module = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ALL_LINEAR: tuple[Module, ...] = (
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
)  # fmt: skip

Share = Annotated[float, Field(ge=0, le=1)]


class Base(Config):
    """The frozen model."""

    model: str
    """A base of the catalogue (`fast`), a GGUF file, a folder with safetensors, or owner/name on
    the Hub."""
    revision: str = "main"
    """For the Hub: a commit."""
    serve: str = ""
    """The base of the catalogue that the adapter is for, if it was trained on other weights: the
    7B in its original form, say, for the quantized `large`."""


class TrainData(Config):
    """What the data stage made, or any folder with train.jsonl and validation.jsonl (or .parquet).

    A row has `query` and `command`; `id`, `source` and `license` are used if they are there.
    """

    folder: str
    keep: dict[str, Share] = Field(default_factory=dict)
    """For each source name, the share of its training rows that stays; seeded, by row. A key
    `generated/find` is for the rows of that source whose id begins with `find.`."""
    rows: int | None = Field(default=None, ge=1)
    """At most so many training rows, after `keep`; seeded."""
    max_tokens: int = Field(default=352, ge=16, le=32_768)
    """Longer examples, prompt and answer together, leave; they are never cut."""


class Lora(Config):
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): W x + alpha/rank * B A x."""

    rank: int = Field(default=16, ge=1, le=512)
    alpha: float = Field(default=32.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    modules: tuple[Module, ...] = Field(default=ALL_LINEAR, min_length=1)
    start: str | None = None
    """Go on from this adapter of the catalogue, or GGUF file; None: from nothing."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.modules)) != len(self.modules):
            raise ValueError("modules names one twice")
        return self


class Optimizer(Config):
    """AdamW (Loshchilov and Hutter 2017, arXiv:1711.05101), warm-up, then half a cosine."""

    learning_rate: float = Field(default=2e-4, gt=0, lt=1)
    """The highest one, reached at the end of the warm-up."""
    final_share: Share = 0.0
    """The last learning rate as a share of the highest."""
    warmup_share: Share = 0.03
    """The share of all steps that warm up."""
    weight_decay: float = Field(default=0.0, ge=0)
    betas: tuple[Share, Share] = (0.9, 0.999)
    max_grad_norm: float = Field(default=1.0, gt=0)


class Evaluation(Config):
    """What is looked at during training, on the validation split."""

    every_steps: int = Field(default=200, ge=1)
    """Also before the first step and after the last."""
    loss_rows: int = Field(default=256, ge=1)
    answer_rows: int = Field(default=64, ge=0)
    """So many requests are answered greedily and compared with their command."""
    patience: int = Field(default=0, ge=0)
    """Stop after so many evaluations without a lower loss. 0: never."""
    choose: Literal["best_loss", "best_exact", "last"] = "last"
    """Which of the evaluated adapters is the result. The loss often rises while answers still get
    better (docs/TRAINING.md), so the schedule's end is the default."""


class Axolotl(Config):
    """What only the Axolotl engine needs (QLoRA: Dettmers et al. 2023, arXiv:2305.14314)."""

    micro_batch_size: int = Field(default=4, ge=1)
    """Examples per device and pass; examples_per_step is a multiple of it."""
    load_in_4bit: bool = True
    quant_type: Literal["nf4", "fp4"] = "nf4"
    double_quant: bool = True
    gradient_checkpointing: bool = True
    gpus: int = Field(default=1, ge=1)
    distribute: Literal["none", "fsdp", "deepspeed"] = "none"


class Sitting(Config):
    """How the work is done on this machine. No part of the run's identity."""

    max_minutes: float | None = Field(default=None, gt=0)
    """Stop after so many minutes with a checkpoint; the same command goes on later."""
    checkpoint_steps: int = Field(default=500, ge=1)
    checkpoint_minutes: float = Field(default=5.0, gt=0)
    """A checkpoint is written when either has passed."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(default=0, ge=0, le=1024)
    """0: one per core."""
    micro_batch_tokens: int = Field(default=1024, ge=64)
    """A step is done in passes of about so many tokens, which bounds the memory."""
    recompute: bool = False
    """Keep no activations of the layers: a third more work, a fraction of the memory."""
    base_file: str | None = None
    """Where the catalogue's GGUF is, if it is not in the model store. Its SHA-256 is checked."""
    tracking: Literal["offline", "online", "off"] = "offline"
    """Weights & Biases. `wandb sync` uploads what `offline` wrote. The entity is WANDB_ENTITY."""
    project: str = "cli-tuner"
    install: bool = True
    """Put the adapter into this user's model store and catalogue."""


class TrainConfig(StageConfig):
    """One run of the training stage."""

    operational: ClassVar[frozenset[str]] = frozenset({"output", "sitting"})

    output: str = "runs"
    description: str = ""
    engine: Literal["torch", "axolotl"] = "torch"
    seed: int = 7
    base: Base
    data: TrainData
    lora: Lora = Lora()
    optimizer: Optimizer = Optimizer()
    evaluation: Evaluation = Evaluation()
    axolotl: Axolotl = Axolotl()
    epochs: float = Field(default=3.0, gt=0, le=100)
    examples_per_step: int = Field(default=16, ge=1)
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    """Of the frozen weights and the products with them. The adapter is float32 always."""
    trained_by: str = ""
    """Who answers for it; for the provenance."""
    sitting: Sitting = Sitting()

    @model_validator(mode="after")
    def _passes_fill_a_step(self) -> Self:
        per_pass = self.axolotl.micro_batch_size * self.axolotl.gpus
        if self.engine == "axolotl" and self.examples_per_step % per_pass:
            raise ValueError("examples_per_step must be a multiple of micro_batch_size times gpus")
        if self.engine == "axolotl" and (self.data.keep or self.data.rows):
            raise ValueError("axolotl takes all rows; make a smaller set with the data stage")
        if self.engine == "axolotl" and self.lora.start is not None:
            raise ValueError("axolotl begins from nothing: lora.start is for the engine torch")
        return self
