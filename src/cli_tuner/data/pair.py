"""One example on its way through the stage, and why it may leave it early."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pair:
    """A request and its command, and where they come from. `ref` is the place in the source."""

    id: str
    query: str
    command: str
    source: str
    license: str
    ref: str = ""

    def as_json(self) -> dict[str, str]:
        """The fields."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row of a source that became no pair: left out by the configuration, or not readable."""

    source: str
    ref: str
    reason: str
    row: Any = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that left the stage: at which step, and why."""

    step: str
    reason: str
    source: str
    ref: str
    pair: Pair | None = None
    row: Any = None

    @classmethod
    def of(cls, pair: Pair, step: str, reason: str) -> Dropped:
        """A pair that leaves."""
        return cls(step, reason, pair.source, pair.ref, pair)

    def as_json(self) -> dict[str, Any]:
        """A line of the log."""
        known = {"step": self.step, "reason": self.reason, "source": self.source, "ref": self.ref}
        if self.pair is not None:
            texts = {"id": self.pair.id, "query": self.pair.query, "command": self.pair.command}
            return {**known, **texts}
        return {**known, "row": self.row} if self.row is not None else known


def id_of(source: str, query: str, command: str) -> str:
    """A stable id for a pair whose source has none."""
    digest = hashlib.blake2b(f"{query}\0{command}".encode(), digest_size=6).hexdigest()
    return f"{source}-{digest}"
