"""A run of the train stage and its data set, opened for publishing.

Both are met through their files alone and must be whole. The data set must be the one that the
run's record names by its digest, so that its licences and authors are those of the rows that the
adapter has seen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Artifact
from cli_tuner.errors import NotPublishable, UsageError
from cli_tuner.models import load_catalogue
from cli_tuner.prompt import TEMPLATE_SHA256
from cli_tuner.publish.dataset import NAME, UNLICENSED, attributions_of, whole_artifact
from cli_tuner.publish.licences import needs_attribution
from cli_tuner.publish.model import Base, Look, Share, TrainedModel
from cli_tuner.settings import Paths

_AGAIN = "train it again: cli-tuner run train"


def open_trained(run: Path, data: Path, licence: str | None, paths: Paths) -> TrainedModel:
    """The adapter of a run, with what is known of its data; no evaluations yet.

    `licence` is that of the adapter, as an SPDX identifier; None: what the catalogue says of it.
    Raises UsageError if a folder is not there, NotPublishable for what is not whole or does not
    belong together.
    """
    for folder in (run, data):
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}", hint="give what `cli-tuner run` made")
    made = whole_artifact(run, "train")
    record = made.provenance.get("model") or {}
    _check_record(record, made)
    source = whole_artifact(data, "data")
    _check_data(record, source)
    shares = tuple(_shares(data / "train.jsonl"))
    attributions = attributions_of(source.provenance)
    _check_attributions(shares, attributions)
    return TrainedModel(
        run=made.provenance,
        base=_base(record, paths),
        licence=licence or _known_licence(record, paths),
        data=source.provenance,
        shares=shares,
        attributions=attributions,
        derived=_derived(record, paths),
        looks=tuple(_looks(run / "metrics.jsonl", int(record["chosen_step"]))),
    )


def refuse_unlicensed(model: TrainedModel, *, private: bool) -> None:
    """Raise NotPublishable for data that nobody may pass on, unless only we will see the model."""
    for share in model.shares:
        if share.licence.lower() in UNLICENSED and not private:
            raise NotPublishable(
                f"{share.rows:,} training rows of {share.source} are under no known licence",
                hint="name it in the data set's configuration, or publish with --private",
            )


def _check_record(record: Mapping[str, Any], made: Artifact) -> None:
    adapter = record.get("adapter") or {}
    file = f"models/{adapter.get('file')}"
    if not NAME.fullmatch(str(adapter.get("file"))):
        raise NotPublishable(f"{made.folder} has no record of an adapter", hint=_AGAIN)
    if made.digests.get(file) != adapter.get("sha256"):
        raise NotPublishable(f"{made.folder / file} is not the adapter of its record", hint=_AGAIN)
    if record.get("template_sha256") != TEMPLATE_SHA256:
        raise NotPublishable(
            f"{made.folder} was trained with another prompt than this program asks with",
            hint=_AGAIN,
        )


def _check_data(record: Mapping[str, Any], data: Artifact) -> None:
    file = record["data"]["files"]["train"]
    if data.digests.get(file["file"]) != file["sha256"]:
        raise NotPublishable(
            f"{data.folder} is not the data set that the adapter was trained on",
            hint=f"give the one with the address {str(record['data'].get('address'))[:12]}",
        )


def _shares(path: Path) -> Iterator[Share]:
    """The training rows of each source and licence, the largest share first."""
    counted: Counter[tuple[str, str]] = Counter()
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            counted[str(row["source"]), str(row["license"])] += 1
    for (source, licence), rows in sorted(counted.items(), key=lambda one: (-one[1], one[0])):
        yield Share(source, licence, rows)


def _check_attributions(shares: tuple[Share, ...], texts: Mapping[str, str]) -> None:
    for share in shares:
        if needs_attribution(share.licence) and share.source not in texts:
            raise NotPublishable(
                f"the rows of {share.source} are under {share.licence}, and nobody is named for"
                " them",
                hint="give the source an attribution in the data set's configuration",
            )


def _base(record: Mapping[str, Any], paths: Paths) -> Base:
    """The base that the adapter is applied to, as the catalogue has it."""
    serves = record.get("serves") or {}
    entry = load_catalogue(paths).bases.get(str(serves.get("name")))
    if entry is None or entry.sha256 != serves.get("sha256"):
        raise NotPublishable("the adapter is for no base of the catalogue", hint=_AGAIN)
    return Base(
        name=entry.name,
        title=entry.title,
        file=entry.file,
        size_bytes=entry.size_bytes,
        sha256=entry.sha256,
        licence=entry.licence,
        repo=entry.hub.repo if entry.hub else "",
        revision=entry.hub.revision if entry.hub else "",
        parameters=entry.parameters,
    )


def _derived(record: Mapping[str, Any], paths: Paths) -> dict[str, str]:
    """The bases with the same layers, made from this one's file: the adapter fits them too."""
    bases = load_catalogue(paths).bases.values()
    name = record["serves"]["name"]
    return {one.name: one.sha256 for one in bases if one.derived_from == name}


def _known_licence(record: Mapping[str, Any], paths: Paths) -> str:
    digest = record["adapter"]["sha256"]
    for entry in load_catalogue(paths).adapters.values():
        if entry.sha256 == digest and entry.licence:
            return entry.licence
    raise NotPublishable("the licence of the adapter is not known", hint="say it: --licence")


def _looks(path: Path, chosen: int) -> Iterator[Look]:
    """The first look at the validation split, and the one at the step that was chosen."""
    if not path.is_file():
        return
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    looks = [row for row in rows if "dev_exact" in row and "dev_loss" in row]
    for row in looks[:1] + [row for row in looks[1:] if row["step"] == chosen][-1:]:
        yield Look(int(row["step"]), float(row["dev_loss"]), float(row["dev_exact"]))
