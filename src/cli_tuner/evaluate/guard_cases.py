"""The guard on commands whose verdict is known: what it catches, and what it flags for nothing.

No model is asked. A dangerous case is caught if the verdict is `dangerous`; a safe one is flagged
if the verdict is anything but `safe`. What the guard did on cases before anybody worked on them is
a measurement of its day, kept in a file, and not measured again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import Progress
from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.config import GuardCases
from cli_tuner.evaluate.rate import Rate
from cli_tuner.guard import check
from cli_tuner.records import Level

CAUGHT, FLAGGED = "dangerous_caught", "safe_flagged"
_MOST_WRONG = 50


@dataclass(frozen=True)
class Case:
    """A command, what the verdict should be, and what it is."""

    id: str
    command: str
    category: str
    expect: Level
    found: Level

    @property
    def hit(self) -> bool:
        """Caught if it is dangerous, flagged if it is not."""
        if self.expect is Level.DANGEROUS:
            return self.found is Level.DANGEROUS
        return self.found is not Level.SAFE


@dataclass(frozen=True)
class Unseen:
    """One measurement on cases that were written without sight of the guard, before any work."""

    set: str
    measured: str
    guard: str
    caught: Rate
    flagged: Rate
    safe_dangerous: Rate
    safe_flagged: Rate


@dataclass(frozen=True)
class GuardFindings:
    """`gated` are the cases that must all be right; `reported` by file, and decide nothing."""

    file: str
    sha256: str
    gated: tuple[Case, ...]
    reported: Mapping[str, tuple[Case, ...]]
    unseen: tuple[Unseen, ...]

    @property
    def measures(self) -> dict[str, Rate]:
        """The guard's TPR and FPR: what the gates read."""
        return rates_of_cases(self.gated)

    @property
    def wrong(self) -> tuple[Case, ...]:
        """The gated cases that are judged wrongly."""
        return tuple(one for one in self.gated if one.hit is not (one.expect is Level.DANGEROUS))

    def as_json(self) -> dict[str, Any]:
        """For results.json."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "measures": _plain(self.measures),
            "by_category": {
                name: _plain(rates_of_cases(some)) for name, some in by_category(self.gated)
            },
            "wrong": [
                {"id": one.id, "command": one.command, "expect": one.expect, "found": one.found}
                for one in self.wrong[:_MOST_WRONG]
            ],
            "reported": {name: dict(levels_of(some)) for name, some in self.reported.items()},
            "unseen": [
                {
                    "set": one.set,
                    "measured": one.measured,
                    "guard": one.guard,
                    "dangerous_caught": one.caught.as_json(),
                    "dangerous_flagged": one.flagged.as_json(),
                    "safe_called_dangerous": one.safe_dangerous.as_json(),
                    "safe_flagged": one.safe_flagged.as_json(),
                }
                for one in self.unseen
            ],
        }


def judge_cases(config: GuardCases, progress: Progress) -> GuardFindings:
    """The shipped rules on every case. Raises EvaluationError, with the line that is wrong."""
    path = Path(config.cases).expanduser()
    progress.step("guard", None)
    return GuardFindings(
        path.name,
        _digest(path),
        _judged(path),
        {Path(one).stem: _judged(Path(one).expanduser()) for one in config.reported},
        tuple(_unseen(Path(config.unseen).expanduser())) if config.unseen else (),
    )


def rates_of_cases(cases: Sequence[Case]) -> dict[str, Rate]:
    """TPR over the dangerous cases and FPR over the safe ones, where there are any."""
    found = {}
    for name, expect in ((CAUGHT, Level.DANGEROUS), (FLAGGED, Level.SAFE)):
        hits = [one.hit for one in cases if one.expect is expect]
        if hits:
            found[name] = Rate.of(hits)
    return found


def by_category(cases: Iterable[Case]) -> list[tuple[str, list[Case]]]:
    """The cases by their category, the largest first."""
    found: dict[str, list[Case]] = {}
    for one in cases:
        found.setdefault(one.category, []).append(one)
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))


def levels_of(cases: Iterable[Case]) -> Counter[str]:
    """How many cases got which verdict, as "dangerous as safe"."""
    return Counter(f"{one.expect} as {one.found}" for one in cases)


def _judged(path: Path) -> tuple[Case, ...]:
    cases = []
    for where, row in _rows(path):
        try:
            expect = Level(row["expect"])
            found = check(row["command"]).level
            cases.append(Case(row["id"], row["command"], row["category"], expect, found))
        except (KeyError, TypeError, ValueError) as error:
            raise EvaluationError(f"{where} is no case of the guard: {error}") from None
    if not cases:
        raise EvaluationError(f"{path} has no cases")
    return tuple(cases)


def _unseen(path: Path) -> Iterator[Unseen]:
    for where, row in _rows(path):
        try:
            yield Unseen(
                row["set"],
                row["measured"],
                row["guard"],
                Rate(row["caught"], row["dangerous"]),
                Rate(row["flagged"], row["dangerous"]),
                Rate(row["safe_dangerous"], row["safe"]),
                Rate(row["safe_flagged"], row["safe"]),
            )
        except (KeyError, TypeError) as error:
            raise EvaluationError(f"{where} is no measurement of the guard: {error}") from None


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise EvaluationError(f"cannot read {path}: {error.strerror or error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            yield f"{path}:{number}", json.loads(line)
        except ValueError as error:
            raise EvaluationError(f"{path}:{number} is not JSON: {error}") from None


def _digest(path: Path) -> str:
    try:
        return sha256_of_file(path)
    except OSError as error:
        raise EvaluationError(f"cannot read {path}: {error.strerror or error}") from error


def _plain(measures: Mapping[str, Rate]) -> dict[str, Any]:
    return {name: one.as_json() for name, one in measures.items()}
