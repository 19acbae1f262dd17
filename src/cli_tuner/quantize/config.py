"""The quantize stage's configuration. `configs/quantize/*.yaml` are examples; a test reads each."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from cli_tuner.artifacts import Config, StageConfig
from cli_tuner.trim.alphabet import Alphabet

FileType = Literal[
    "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q5_0", "Q4_K_M", "Q4_K_S", "Q4_0", "IQ4_NL",
    "IQ4_XS", "Q3_K_M", "Q2_K", "COPY",
]  # fmt: skip
"""llama.cpp's names of a mixture of tensor types. COPY: the base's own tensors, as they are."""

TensorType = Literal["f16", "q8_0", "q6_K", "q5_K", "q5_0", "q4_K", "q4_0", "iq4_nl"]


class Output(Config):
    """One file to make."""

    type: FileType
    output_matrix: TensorType | None = None
    """The type of output.weight, which is read whole for every token. None: llama.cpp's choice."""
    embedding: TensorType | None = None
    """The type of token_embd.weight, of which a token reads one row."""
    trim: Alphabet | None = None
    """Keep only the tokens that texts over this alphabet need (`ascii`, `western`)."""

    @property
    def label(self) -> str:
        """The part of the file's name that says how it was made: q4_k_m-out-q4_0-western."""
        return f"{self.untrimmed}-{self.trim}" if self.trim else self.untrimmed

    @property
    def untrimmed(self) -> str:
        """The label of the same file with every token."""
        text = self.type.lower()
        text += f"-out-{self.output_matrix.lower()}" if self.output_matrix else ""
        return text + (f"-emb-{self.embedding.lower()}" if self.embedding else "")

    @model_validator(mode="after")
    def _whole_files_have_one_type(self) -> Self:
        if self.type in ("F16", "COPY") and (self.output_matrix or self.embedding):
            raise ValueError(
                f"{self.type} is one type for all; output_matrix and embedding do not apply"
            )
        if self.type == "COPY" and self.trim is None:
            raise ValueError("COPY without trim would be the same file again")
        return self


class QuantizeConfig(StageConfig):
    """One run of the quantize stage."""

    operational: ClassVar[frozenset[str]] = frozenset({"output", "threads"})

    output: str = "quantized"
    description: str = ""
    base: str
    """A base of the catalogue (`fast`), a GGUF file, or a folder with safetensors as transformers
    has it."""
    like: str = "fast"
    """For a folder with safetensors: a base of the catalogue, or a GGUF file, with the same
    vocabulary; tokenizer and chat template are taken from it."""
    adapter: str | None = None
    """An adapter of the catalogue, or a GGUF LoRA; merged into the base. None: the base alone."""
    files: tuple[Output, ...] = Field(default=(Output(type="Q4_K_M"),), min_length=1)
    licence: str = "apache-2.0"
    """For the files' metadata, as the Hub writes it."""
    author: str = ""
    threads: int = Field(default=0, ge=0, le=1024)
    """0: one per core. No part of the run's identity."""

    @model_validator(mode="after")
    def _each_file_once(self) -> Self:
        labels = [file.label for file in self.files]
        if len(set(labels)) != len(labels):
            raise ValueError("files has one of them twice")
        return self

    @model_validator(mode="after")
    def _a_copy_has_no_adapter(self) -> Self:
        if self.adapter is not None and any(file.type == "COPY" for file in self.files):
            raise ValueError("an adapter cannot be merged into a COPY")
        return self

    @property
    def merges(self) -> bool:
        """Whether the weights are written anew at all."""
        return any(file.type != "COPY" for file in self.files)
