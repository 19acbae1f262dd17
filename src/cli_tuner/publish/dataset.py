"""A dataset that `cli-tuner run data` made, opened for publishing, and what of it is published.

It is met through its files alone. Nothing is published unless it is whole: every file has the
digest that `provenance.json` names, the splits can be read and have rows, `leakage.json` knows of
no leak, and every source and licence is named. The log of dropped rows stays at home: it holds the
dangerous commands that were filtered out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Artifact, open_artifact
from cli_tuner.errors import ArtifactError, NotPublishable, UsageError
from cli_tuner.publish.licences import needs_attribution
from cli_tuner.publish.statistics import Statistics, statistics_of

SPLITS = ("train", "validation", "test")
LEAKS = ("exact", "normali", "jaccard", "template")
"""What must be counted in leakage.json, as the beginnings of its keys."""
DOCUMENTS = ("provenance.json", "report.json", "report.md", "leakage.json")


@dataclass(frozen=True)
class Licence:
    """One licence in the dataset: its SPDX identifier, its rows, whom to name."""

    name: str
    rows: int
    attribution: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """A dataset that may be published. `facts` is its provenance, `leaks` its leakage report."""

    name: str
    folder: Path
    facts: Mapping[str, Any]
    leaks: Mapping[str, Any]
    licences: tuple[Licence, ...]
    statistics: Statistics

    def files(self, *, jsonl: bool) -> dict[str, Path]:
        """Path in the repository to path on this disk, without the card."""
        splits = {f"data/{name}.parquet": self.folder / f"{name}.parquet" for name in SPLITS}
        if jsonl:
            splits |= {f"jsonl/{name}.jsonl": self.folder / f"{name}.jsonl" for name in SPLITS}
        documents = {name: self.folder / name for name in DOCUMENTS}
        return splits | documents | {name: self.folder / name for name in self.plots()}

    def plots(self) -> tuple[str, ...]:
        """The names of the plots, which the provenance lists too."""
        names = sorted(self.facts["files"])
        return tuple(n for n in names if n.startswith("plots/") and n.endswith(".png"))


def open_dataset(folder: Path) -> Dataset:
    """The dataset in a folder, verified.

    Raises UsageError if there is no such folder, NotPublishable with the first thing that is
    wrong with it.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="make it: cli-tuner run data CONFIG")
    artifact = _whole(folder)
    facts = artifact.provenance
    leaks = _document(folder / "leakage.json")
    _refuse_leaks(leaks, folder / "leakage.json")
    statistics = statistics_of((name, folder / f"{name}.parquet") for name in SPLITS)
    return Dataset(
        name=str(facts.get("name") or folder.name),
        folder=folder,
        facts=facts,
        leaks=leaks,
        licences=_licences(facts, statistics, folder),
        statistics=statistics,
    )


def _whole(folder: Path) -> Artifact:
    """The artifact, each file of which has its digest and is really below the folder."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise NotPublishable(f"{path} is a symbolic link", hint="put the file itself there")
    try:
        artifact = open_artifact(folder)
    except ArtifactError as error:
        raise NotPublishable(error.message, hint="make it again: cli-tuner run data") from error
    if artifact.provenance.get("stage", "data") != "data":
        made = artifact.provenance["stage"]
        raise NotPublishable(f"{folder} was made by the stage {made}; it is no dataset")
    names = [f"{name}.{kind}" for name in SPLITS for kind in ("parquet", "jsonl")]
    for name in (*names, *DOCUMENTS[1:]):
        if name not in artifact.digests:
            raise NotPublishable(f"{folder / name} is missing", hint="make it again")
    return artifact


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotPublishable(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise NotPublishable(f"{path} is not a JSON object")
    return document


def _refuse_leaks(report: Mapping[str, Any], path: Path) -> None:
    """Raise NotPublishable unless every kind of leak was counted and every count is zero."""
    counts = list(_counts(report, ()))
    for kind in LEAKS:
        found = [(where, count) for where, count in counts if _about(where, kind)]
        if not found:
            raise NotPublishable(f"{path} counts no {kind} leaks", hint="make the dataset again")
        for where, count in found:
            if count:
                raise NotPublishable(
                    f"{path} counts {count:,} leaks ({' '.join(where)})",
                    hint="make the dataset again with other splits",
                )


def _about(where: tuple[str, ...], kind: str) -> bool:
    return any(name.startswith(kind) for name in where)


def _counts(value: object, where: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every whole number in a document, with the keys that lead to it."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _counts(part, (*where, str(name)))
    elif isinstance(value, list):
        for part in value:
            yield from _counts(part, where)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield where, value


def _licences(
    facts: Mapping[str, Any], statistics: Statistics, folder: Path
) -> tuple[Licence, ...]:
    """The licences of the rows, each with the attribution that the provenance holds for it."""
    texts = _attributions(facts)
    licences = []
    for name, rows in statistics.rows_by_licence().items():
        attribution = texts.get(name, ())
        if needs_attribution(name) and not attribution:
            raise NotPublishable(
                f"{folder / 'provenance.json'} has no attribution for {rows:,} rows under {name}",
                hint="give the source one in the data stage's configuration",
            )
        licences.append(Licence(name, rows, attribution))
    return tuple(licences)


def _attributions(facts: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Licence to the texts that name its authors."""
    texts: dict[str, dict[str, None]] = {}
    for entry in facts.get("licences", ()):
        given = entry.get("attribution") or ()
        for text in [given] if isinstance(given, str) else given:
            texts.setdefault(str(entry["licence"]), {})[text] = None
    return {name: tuple(found) for name, found in texts.items()}
