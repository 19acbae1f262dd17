"""What is known of a trained model: the one record that its card and its package are made from.

Everything in it was read from the stages' own documents. As JSON it is `<adapter>.record.json`
beside a shipped adapter, and `record.json` in a published repository.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cli_tuner.errors import NotPublishable
from cli_tuner.mcnemar import mcnemar_p

SCHEMA_VERSION = "1"
ADAPTER, BASE, GUARD = "adapter", "base", "guard"
"""What an evaluation may be of, besides the name of a merged file. GUARD: no model was asked."""
ALONE = "+none"
"""What ends the name of a derived base without the adapter, as in references to models."""


@dataclass(frozen=True)
class Base:
    """The catalogue's file that the adapter is applied to."""

    name: str
    title: str
    file: str
    size_bytes: int
    sha256: str
    licence: str
    repo: str
    revision: str
    parameters: int


@dataclass(frozen=True)
class Share:
    """Training rows of one source under one licence, as many as the data set has."""

    source: str
    licence: str
    rows: int


@dataclass(frozen=True)
class Look:
    """One look at the validation split: loss per token, and the share of exact answers."""

    step: int
    dev_loss: float
    dev_exact: float


@dataclass(frozen=True)
class Merged:
    """Base and adapter as one GGUF file. `file` is its name in the repository."""

    file: str
    type: str
    size_bytes: int
    sha256: str
    bits_per_weight: float


@dataclass(frozen=True)
class Evaluation:
    """One results.json. `of` is a form of the model (TrainedModel.digests), or GUARD."""

    of: str
    results: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The evaluation's own name."""
        return str(self.results["name"])


@dataclass(frozen=True)
class Paired:
    """Items that base and adapter both answered, and on how many only one was right."""

    set: str
    suite: str
    measure: str
    n: int
    fixed: int
    broken: int

    @property
    def p(self) -> float:
        """McNemar's exact p, two-sided."""
        return mcnemar_p(self.fixed, self.broken)


@dataclass(frozen=True)
class TrainedModel:
    """An adapter. `run` is the train stage's provenance, `data` that of its data set.

    `attributions` maps a source to the text that names its authors, `derived` the name of each
    base that the catalogue has made from this one's file to its SHA-256.
    """

    run: Mapping[str, Any]
    base: Base
    licence: str
    data: Mapping[str, Any]
    shares: tuple[Share, ...]
    attributions: Mapping[str, str]
    derived: Mapping[str, str]
    looks: tuple[Look, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    paired: tuple[Paired, ...] = ()
    merged: tuple[Merged, ...] = ()

    @property
    def record(self) -> Mapping[str, Any]:
        """What the train stage wrote beside the adapter."""
        found: Mapping[str, Any] = self.run["model"]
        return found

    @property
    def name(self) -> str:
        """The adapter's name: its file's stem."""
        return str(self.record["adapter"]["file"]).removesuffix(".gguf")

    @property
    def sha256(self) -> str:
        """The adapter's SHA-256."""
        return str(self.record["adapter"]["sha256"])

    @property
    def size_bytes(self) -> int:
        """The adapter's size."""
        return int(self.record["adapter"]["bytes"])

    def results_of(self, of: str) -> tuple[Mapping[str, Any], ...]:
        """The results.json of every evaluation of one of the model's forms."""
        return tuple(one.results for one in self.evaluations if one.of == of)

    @property
    def digests(self) -> dict[str, tuple[str, str | None]]:
        """Every form in which it can be asked, and the SHA-256 of its model and its adapter."""
        found: dict[str, tuple[str, str | None]] = {
            BASE: (self.base.sha256, None),
            ADAPTER: (self.base.sha256, self.sha256),
        }
        for name, sha256 in self.derived.items():
            found[f"{name}{ALONE}"] = (sha256, None)
            found[f"{name}+{self.name}"] = (sha256, self.sha256)
        return found | {one.file: (one.sha256, None) for one in self.merged}

    @property
    def forms(self) -> tuple[str, ...]:
        """What was evaluated: base, adapter, those on derived bases, merged files."""
        return tuple(form for form in self.digests if self.results_of(form))


def as_bytes(model: TrainedModel) -> bytes:
    """The record as JSON; the same record gives the same bytes."""
    document = {"schema_version": SCHEMA_VERSION, **asdict(model)}
    return f"{json.dumps(document, indent=1, ensure_ascii=False)}\n".encode()


def read_record(path: Path) -> TrainedModel:
    """The record in a file. Raises NotPublishable if there is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("schema_version") != SCHEMA_VERSION:
            raise NotPublishable(f"{path} has another schema", hint="make it again")
        return _model(document)
    except FileNotFoundError:
        raise NotPublishable(
            f"there is no record {path}",
            hint="make it: python -m cli_tuner.publish.shipped keep RUN --data DIR",
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotPublishable(f"{path} is no record of a model: {error}") from error


def _model(document: dict[str, Any]) -> TrainedModel:
    parts: dict[str, Any] = {
        "base": Base(**document.pop("base")),
        "shares": tuple(Share(**one) for one in document.pop("shares")),
        "looks": tuple(Look(**one) for one in document.pop("looks")),
        "evaluations": tuple(Evaluation(**one) for one in document.pop("evaluations")),
        "paired": tuple(Paired(**one) for one in document.pop("paired")),
        "merged": tuple(Merged(**one) for one in document.pop("merged")),
    }
    return TrainedModel(**document, **parts)
