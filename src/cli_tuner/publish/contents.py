"""What a repository gets: the card, the splits, the reports, the provenance."""

from __future__ import annotations

from cli_tuner.publish.card import card_of
from cli_tuner.publish.dataset import Dataset
from cli_tuner.publish.package import Package, pack

CARD = "README.md"


def dataset_package(dataset: Dataset, repo: str, *, jsonl: bool) -> Package:
    """Everything of a dataset that goes into the repository `owner/name`."""
    card = card_of(dataset, repo, jsonl=jsonl).encode()
    return pack({CARD: card, **dataset.files(jsonl=jsonl)})
