"""A data set on the Hugging Face Hub, at one commit.

A branch or tag is resolved to its commit first and the commit is what is read, so the provenance
names exactly the bytes. Offline, and for whatever the Hub says, the error is one line that tells
how to read a local copy instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cli_tuner.artifacts import require
from cli_tuner.data.config import HubSource
from cli_tuner.data.pair import Pair, Skipped
from cli_tuner.data.sources.select import Row, selected
from cli_tuner.errors import DataError

_COMMIT = re.compile(r"[0-9a-f]{40}")


class Hub:
    """One data set. Raises ExtraMissing without the packages, DataError for what the Hub says."""

    def __init__(self, source: HubSource, seed: int) -> None:
        self._source = source
        self._seed = seed
        self._hub = require("huggingface_hub", "data")
        self._datasets = require("datasets", "data")
        self.commit = source.revision if _COMMIT.fullmatch(source.revision) else self._resolved()

    def _resolved(self) -> str:
        try:
            info = self._hub.HfApi().dataset_info(self._source.repo, revision=self._source.revision)
        except Exception as error:  # the Hub's client raises many unrelated kinds
            raise self._problem(error) from error
        return str(info.sha)

    def rows(self) -> Iterator[Pair | Skipped]:
        """The pairs of the split."""
        self._datasets.disable_progress_bars()
        try:
            table = self._datasets.load_dataset(
                self._source.repo, revision=self.commit, split=self._source.split
            )
        except Exception as error:
            raise self._problem(error) from error
        rows: Iterator[Row | Skipped] = ((str(n), row) for n, row in enumerate(table, start=1))
        named = f"{self._source.repo}@{self.commit[:12]}, row ".__add__
        yield from selected(rows, self._source, self._source.fields, self._seed, named)

    def origin(self) -> dict[str, Any]:
        """Which commit was read."""
        url = f"https://huggingface.co/datasets/{self._source.repo}"
        return {"url": url, "revision": self.commit, "asked_for": self._source.revision}

    def _problem(self, error: Exception) -> DataError:
        said = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        return DataError(
            f"cannot read {self._source.repo} from the Hugging Face Hub ({said})",
            hint="offline, read a local copy: --set 'sources.0="
            f"{{kind: file, name: {self._source.name}, path: COPY.jsonl}}'",
        )
