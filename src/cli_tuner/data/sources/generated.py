"""The package's own generator as a source."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from cli_tuner.data.config import GeneratedSource
from cli_tuner.data.pair import Pair, Skipped
from cli_tuner.data.sources.select import Row, selected
from cli_tuner.errors import DataError

_MODULE = "cli_tuner.data.generate"


class Generated:
    """Pairs made from intents. Raises DataError if this installation has no generator."""

    def __init__(self, source: GeneratedSource, seed: int) -> None:
        self._source = source
        self._seed = seed
        try:
            self._pairs = importlib.import_module(_MODULE).pairs
        except (ModuleNotFoundError, AttributeError) as error:
            raise DataError(
                f"{source.name}: this installation has no generator ({_MODULE}.pairs)",
                hint="leave the generated source out",
            ) from error

    def rows(self) -> Iterator[Pair | Skipped]:
        """The pairs, in the generator's order."""
        yield from selected(self._rows(), self._source, None, self._seed, str)

    def _rows(self) -> Iterator[Row | Skipped]:
        source = self._source
        for pair in self._pairs(seed=self._seed, count=source.count, part=source.intents):
            yield (
                f"{pair.intent}/{pair.template_id}",
                {
                    "id": pair.id,
                    "query": pair.query,
                    "command": pair.command,
                    "intent": pair.intent,
                    "network": str(pair.network).lower(),
                },
            )

    def origin(self) -> dict[str, Any]:
        """What determines the pairs."""
        return {
            "generator": _MODULE,
            "seed": self._seed,
            "count": self._source.count,
            "intents": self._source.intents,
        }
