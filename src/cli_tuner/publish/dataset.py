"""A dataset that `cli-tuner run data` made, opened for publishing, and what of it is published.

It is met through its files alone. Nothing is published unless it is whole: every file has the
digest that `provenance.json` names, the splits can be read and have rows, `leakage.json` knows of
no leak, and every source and licence is named. The log of dropped rows stays at home: it holds the
dangerous commands that were filtered out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Artifact, open_artifact
from cli_tuner.errors import ArtifactError, NotPublishable, UsageError
from cli_tuner.publish.licences import needs_attribution
from cli_tuner.publish.statistics import Statistics, statistics_of

SPLITS = ("train", "validation", "test")
PAIRS = ("train -> validation", "train -> test", "validation -> test")
CHECKS = ("pair", "normalised", "template", "Jaccard")
"""What leakage.json must have counted between each two splits, as words in its checks' names."""
UNLICENSED = frozenset({"unknown", "none", "noassertion"})
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
"""What a stage's artifact may be called; it becomes part of paths."""
_AGAIN = "make the dataset again: cli-tuner run data"
DOCUMENTS = ("provenance.json", "report.json", "report.md", "leakage.json")


@dataclass(frozen=True)
class Licence:
    """One licence in the dataset: its SPDX identifier, its rows, whom to name."""

    name: str
    rows: int
    attribution: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """A dataset that may be published. `facts` is its provenance, `leaks` counts shared rows.

    `report` is the stage's own report.
    """

    name: str
    folder: Path
    facts: Mapping[str, Any]
    leaks: Mapping[str, Mapping[str, int]]
    report: Mapping[str, Any]
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
    leaks = _leaks(folder, facts)
    statistics = statistics_of((name, folder / f"{name}.parquet") for name in SPLITS)
    for split in statistics.splits:
        said = facts.get("rows", {}).get(split.name, split.rows)
        if split.rows != said:
            raise NotPublishable(
                f"{split.name} has {split.rows:,} rows and its provenance says {said:,}",
                hint=_AGAIN,
            )
    name = str(facts.get("name") or "")
    if not NAME.fullmatch(name):
        raise NotPublishable(f"{folder} is called {name!r}, which is no name of a dataset")
    return Dataset(
        name=name,
        folder=folder,
        facts=facts,
        leaks=leaks,
        report=_document(folder / "report.json"),
        licences=_licences(facts, statistics),
        statistics=statistics,
    )


def _whole(folder: Path) -> Artifact:
    """The artifact, each file of which has its digest and is really below the folder."""
    artifact = whole_artifact(folder, "data")
    names = [f"{name}.{kind}" for name in SPLITS for kind in ("parquet", "jsonl")]
    for name in (*names, *DOCUMENTS[1:]):
        if name not in artifact.digests:
            raise NotPublishable(f"{folder / name} is missing", hint=_AGAIN)
    return artifact


def whole_artifact(folder: Path, stage: str) -> Artifact:
    """What this stage made, each file of which has its digest and is really below the folder.

    Raises NotPublishable with the first thing that is wrong with it.
    """
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise NotPublishable(f"{path} is a symbolic link", hint="put the file itself there")
    try:
        artifact = open_artifact(folder)
    except ArtifactError as error:
        hint = f"make it again: cli-tuner run {stage}"
        raise NotPublishable(error.message, hint=hint) from error
    made = artifact.provenance.get("stage", stage)
    if made != stage:
        raise NotPublishable(f"{folder} was made by the stage {made}, not by {stage}")
    return artifact


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotPublishable(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise NotPublishable(f"{path} is not a JSON object")
    return document


def _leaks(folder: Path, facts: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Rows shared by each two splits, by check: all zero.

    Two splits that were both fixed elsewhere are what they are: what they share is not refused,
    and the card shows it.
    """
    path = folder / "leakage.json"
    counted = _document(path).get("pairs")
    if not isinstance(counted, dict) or set(counted) != set(PAIRS):
        raise NotPublishable(f"{path} does not compare every two splits", hint=_AGAIN)
    held_out = facts.get("config", {}).get("held_out", {})
    fixed = bool(held_out.get("validation") and held_out.get("test"))
    for pair, checks in counted.items():
        for word in CHECKS:
            if not any(word in name for name in checks):
                raise NotPublishable(f"{path} counts no {word} leaks for {pair}", hint=_AGAIN)
        for check, rows in checks.items():
            if (rows != 0 or isinstance(rows, bool)) and not (fixed and pair == PAIRS[-1]):
                raise NotPublishable(f"{path} counts leaks: {pair}, {check}: {rows}", hint=_AGAIN)
    return counted


def _licences(facts: Mapping[str, Any], statistics: Statistics) -> tuple[Licence, ...]:
    """The licences of the rows, the largest first, each with whom it asks to be named."""
    texts = attributions_of(facts)
    found = []
    for name, rows in statistics.rows_by_licence().items():
        sources = [source for licence, source, _ in statistics.shares if licence == name]
        for source in sources:
            if needs_attribution(name) and source not in texts:
                raise NotPublishable(
                    f"the rows of {source} are under {name}, and nobody is named for them",
                    hint="give the source an attribution in the configuration and make it again",
                )
        named = dict.fromkeys(texts[source] for source in sources if source in texts)
        found.append(Licence(name, rows, tuple(named)))
    return tuple(found)


def attributions_of(facts: Mapping[str, Any]) -> dict[str, str]:
    """Source name in the rows to the text that names its authors."""
    held_out = facts.get("config", {}).get("held_out", {})
    given = [*facts["sources"], *(entry for entry in held_out.values() if entry)]
    return {
        str(source): str(text)
        for entry in given
        for source, text in (entry.get("attribution") or {}).items()
        if text
    }


def refuse_unlicensed(dataset: Dataset, *, private: bool) -> None:
    """Raise NotPublishable for rows that nobody may pass on, unless only we will see them."""
    for licence in dataset.licences:
        if licence.name.lower() in UNLICENSED and not private:
            raise NotPublishable(
                f"{licence.rows:,} rows are under no known licence",
                hint="name it in the configuration, or publish with --private",
            )
