"""What the catalogue holds: files with a digest, and where each can be had."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cli_tuner.trim import BASE_KEY

__all__ = ["BASE_KEY", "Adapter", "BaseModel", "HubPin", "ModelFile", "WheelPart"]


@dataclass(frozen=True)
class HubPin:
    """A file's home on the Hugging Face Hub: repository ("owner/name") and revision."""

    repo: str
    revision: str


@dataclass(frozen=True)
class WheelPart:
    """One package that carries a stretch of a model's bytes as the plain member of its wheel.

    `wheel_sha256` is the digest of the whole wheel, `size_bytes` and `sha256` are those of the
    member's content.
    """

    package: str
    version: str
    member: str
    wheel_sha256: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One file with a known digest. `size_bytes` is exact.

    `hub`, `wheels` and `local` are where it can be had; all may be missing, and then only a file
    given by the user brings it here, unless it is `packaged`.
    """

    name: str
    file: str
    size_bytes: int
    sha256: str
    licence: str = ""
    licence_url: str = ""
    hub: HubPin | None = None
    wheels: tuple[WheelPart, ...] = ()
    local: Path | None = None
    packaged: Path | None = None
    """Where it lies inside this package, if it comes with it; it is used there, never copied."""


@dataclass(frozen=True, kw_only=True)
class BaseModel(ModelFile):
    """A model that answers by itself. `ram_bytes` is a hint: resident memory while answering."""

    title: str
    parameters: int
    ram_bytes: int
    default_adapter: str | None = None
    derived_from: str | None = None
    """The base whose file this one is made from, here: the same layers, so its adapters fit."""
    trim: str | None = None
    """The alphabet (cli_tuner.trim) whose tokens are kept in a derived file."""


@dataclass(frozen=True, kw_only=True)
class Adapter(ModelFile):
    """A LoRA that belongs to exactly one base file, the one with `base_sha256`."""

    base: str
    base_sha256: str
