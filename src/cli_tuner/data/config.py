"""The data stage's configuration. `configs/data/*.yaml` are examples; a test reads each."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cli_tuner.artifacts import Config, StageConfig

Share = Annotated[float, Field(ge=0, le=1)]
LIMIT = 100_000


class Sampling(Config):
    """Keep only a share of the rows whose field has this value. Seeded, by row."""

    field: str
    value: str
    keep: Share
    """Share of the rows that stay, 0 to 1."""


class DropWhere(Config):
    """Leave out rows whose field is, or as a list contains, one of these values."""

    field: str
    any_of: tuple[str, ...] = Field(min_length=1)


class Selection(Config):
    """What every kind of source can have."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """How the source is called in the rows, unless a row says it itself in its `source` field."""
    license: str = "unknown"
    """SPDX name, unless a row says it itself in its `license` field."""
    attribution: dict[str, str] = Field(default_factory=dict)
    """For each source name in the rows, whom its licence asks to be named."""
    url: str = ""
    """Where it can be had; for the provenance."""
    max_rows: int | None = Field(default=None, ge=1)
    """Read so many rows and no more."""
    sample: tuple[Sampling, ...] = ()
    drop_where: tuple[DropWhere, ...] = ()
    plain: bool = False
    """Leave out commands that are not in the product's own style (`data/style.py` has the list)."""


class FieldMap(Config):
    """Which fields hold the request and the command, where they have unusual names."""

    query: str
    command: str


class FileSource(Selection):
    """JSON lines, CSV, TSV or Parquet, also .gz and .zst."""

    kind: Literal["file"] = "file"
    path: str
    """Relative to the current folder; `~` and `$NAME` are replaced."""
    fields: FieldMap | None = None
    """None: found out from the first row."""
    broken: Literal["error", "drop"] = "error"
    """What a row that is not readable (not JSON, not UTF-8) means."""


class HubSource(Selection):
    """A data set on the Hugging Face Hub."""

    kind: Literal["hub"] = "hub"
    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    revision: str = "main"
    """A commit. A branch or tag is resolved to its commit, which the provenance names."""
    split: str = "train"
    fields: FieldMap | None = None


class TldrSource(Selection):
    """A checkout of tldr-pages; the placeholders of its examples are filled."""

    kind: Literal["tldr"] = "tldr"
    path: str
    platforms: tuple[str, ...] = ("common", "linux")
    license: str = "CC-BY-4.0"


class GeneratedSource(Selection):
    """The generator of this package: requests that determine their command."""

    kind: Literal["generated"] = "generated"
    count: int | None = Field(default=None, ge=1)
    """So many pairs; None: all there are."""
    intents: Literal["all", "training", "held-out"] = "all"
    """`training` leaves out the intents that the evaluation keeps for itself, one in twenty."""
    license: str = "Apache-2.0"


Source = Annotated[
    FileSource | HubSource | TldrSource | GeneratedSource, Field(discriminator="kind")
]


class HeldOut(Config):
    """Sets that were held out elsewhere. They stay what they are; train is cleaned against them.

    A split that is not given is made from the sources. Dangerous commands leave these sets too.
    """

    validation: FileSource | None = None
    test: FileSource | None = None


class Expected(Config):
    """How many rows the sources should give."""

    at_least: int = Field(default=500, ge=0)
    """Fewer are an error."""
    at_most: int = Field(default=10_000, ge=1)
    """More are a warning."""


class Limits(Config):
    """What is kept. Longer rows are dropped, never cut: half a command is another command."""

    query_characters: tuple[int, int] = (3, 500)
    command_characters: tuple[int, int] = (1, 200)
    prompt_tokens: int = Field(default=256, ge=1, le=LIMIT)
    answer_tokens: int = Field(default=96, ge=1, le=LIMIT)
    """The command and its end-of-turn token; the product's max_new_tokens."""


class NearDuplicates(Config):
    """A row leaves if both its request and its command are this alike to an earlier row's."""

    request: Annotated[float, Field(ge=0.5, le=1)] = 0.9
    command: Annotated[float, Field(ge=0.5, le=1)] = 0.9


class Splits(Config):
    """How rows are divided. The rest is train."""

    validation: Share = 0.1
    test: Share = 0.1
    like: Annotated[float, Field(ge=0.5, le=1)] = 0.8
    """Requests this alike (Jaccard) are in one split."""
    largest_group: Share = 0.05
    """A group of rows larger than this share of a held-out split goes to train."""

    @model_validator(mode="after")
    def _train_is_left(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing to train on")
        return self


class DataConfig(StageConfig):
    """One run of the data stage."""

    output: str = "data/processed"
    description: str = ""
    seed: int = 7
    sources: tuple[Source, ...] = Field(min_length=1)
    held_out: HeldOut = HeldOut()
    expected: Expected = Expected()
    limits: Limits = Limits()
    near_duplicates: NearDuplicates = NearDuplicates()
    drop_levels: tuple[Literal["review"], ...] = ()
    """Levels that leave besides `dangerous`, which always does."""
    splits: Splits = Splits()
    tokenizer: str = "fast"
    """The base model whose vocabulary counts tokens; all of the catalogue share one."""
    workers: int = Field(default=0, ge=0, le=256)
    """Processes; 0: one per core. No part of the result."""
