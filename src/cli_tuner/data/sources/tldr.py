"""A checkout of tldr-pages (CC-BY-4.0): every example of every page, with placeholders filled.

The request names the tool: "using tar, ...". Attribution and the fact that the text was changed
are carried into the provenance, as the licence asks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli_tuner.artifacts.provenance import commit_of
from cli_tuner.data.config import TldrSource
from cli_tuner.data.pair import Pair, Skipped
from cli_tuner.data.sources.placeholders import Filling
from cli_tuner.data.sources.select import Row, selected
from cli_tuner.errors import DataError

ATTRIBUTION = (
    "Copyright the tldr-pages team and contributors, CC-BY-4.0 "
    "(https://creativecommons.org/licenses/by/4.0/); changed: placeholders filled, descriptions "
    "rewritten as requests."
)
_EXAMPLE = re.compile(r"^- (?P<text>.+?)\s*$\s*^`(?P<command>.+)`\s*$", re.MULTILINE)


class Tldr:
    """The pages below `path/pages`. Raises DataError if there are none."""

    def __init__(self, source: TldrSource, seed: int) -> None:
        attribution = {source.name: ATTRIBUTION} | source.attribution
        self._source = source.model_copy(update={"attribution": attribution})
        self._seed = seed
        self._root = Path(os.path.expandvars(source.path)).expanduser()
        folders = [self._root / "pages" / platform for platform in source.platforms]
        self._pages = [page for folder in folders for page in sorted(folder.glob("*.md"))]
        if not self._pages:
            raise DataError(
                f"{source.name}: no pages in {self._root / 'pages'}",
                hint="path is a checkout of https://github.com/tldr-pages/tldr",
            )

    def rows(self) -> Iterator[Pair | Skipped]:
        """The examples, page by page."""
        yield from selected(self._rows(), self._source, None, self._seed, str)

    def _rows(self) -> Iterator[Row | Skipped]:
        for page in self._pages:
            ref = f"{page.parent.name}/{page.stem}"
            try:
                text = page.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise DataError(f"{page} is not UTF-8 at byte {error.start}") from error
            for number, example in enumerate(_EXAMPLE.finditer(text), start=1):
                filling = Filling(example["text"], example["command"], ref)
                place = f"{ref}#{number}"
                if not filling.query:
                    yield Skipped(self._source.name, place, "a placeholder is left over")
                    continue
                tool = page.stem.partition("-")[0]
                query = filling.query
                if tool.lower() not in query.lower().split():
                    query = f"using {tool}, {query}"
                yield place, {"query": query, "command": filling.command, "ref": place}

    def origin(self) -> dict[str, Any]:
        """Which commit was read."""
        url = self._source.url or "https://github.com/tldr-pages/tldr"
        return {"url": url, "revision": commit_of(self._root), "pages": len(self._pages)}
