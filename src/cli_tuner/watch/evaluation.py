"""Two evaluations of the same items, read from what the stage `evaluate` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from cli_tuner.errors import UsageError

SUITE, MEASURE = "domain", "exact_canonical"
_FILE = "results.json"
_FILE_MAX = 64 * 1024 * 1024


class Compared(NamedTuple):
    """One held-out set: its share of right answers now, and that of the release."""

    name: str
    score: float
    baseline: float


def compared(now: str, baseline: str) -> tuple[Compared, ...]:
    """The sets that both have, from two folders or files.

    Raises UsageError for what is no evaluation, and if they have no set in common, or one of the
    same name with other items: then the numbers would not be about the same.
    """
    new, old = _sets(now), _sets(baseline)
    made = []
    for name in sorted(set(new) & set(old)):
        one, other = new[name], old[name]
        if (one["sha256"], one["n"]) != (other["sha256"], other["n"]):
            raise UsageError(f'the set "{name}" has other items in {now} than in {baseline}')
        made.append(Compared(name, _score(one, now), _score(other, baseline)))
    if not made:
        raise UsageError(f"{now} and {baseline} have no set in common")
    return tuple(made)


def _sets(given: str) -> dict[str, dict[str, Any]]:
    path = Path(given).expanduser()
    path = path / _FILE if path.is_dir() else path
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_FILE_MAX))["sets"]
            return {str(name): {**one, "sha256": one["sha256"]} for name, one in found.items()}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _no_evaluation(path) from error


def _score(one: dict[str, Any], where: str) -> float:
    try:
        value = float(one["suites"][SUITE]["measures"][MEASURE]["value"])
    except (KeyError, TypeError, ValueError) as error:
        raise _no_evaluation(Path(where)) from error
    if not 0 <= value <= 1:
        raise _no_evaluation(Path(where))
    return value


def _no_evaluation(path: Path) -> UsageError:
    return UsageError(f"{path} is no evaluation with the suite {SUITE}", hint="see: run evaluate")
