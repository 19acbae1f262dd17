"""How far the judge can be trusted: `python -m cli_tuner.evaluate.execution.validation`.

Three kinds of pairs whose truth is known without it: rewrites of one command, commands that differ
in one thing, and references of two tasks that were asked different things. What is found is
precision and recall of `equivalent`, and how many pairs that differ were called equivalent, which
does not depend on how many of them a file has; what the judge does not decide is counted apart.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from cli_tuner.errors import CliTunerError, ConfigError, SandboxMissing
from cli_tuner.evaluate.execution.judge import Judgement, judge
from cli_tuner.evaluate.execution.task import Task, read_tasks
from cli_tuner.evaluate.rate import Rate
from cli_tuner.sandbox import reason_it_cannot_run
from cli_tuner.shell.template import utilities_of

KINDS = ("same", "different", "other task")


@dataclass(frozen=True)
class Known:
    """Two commands and whether they do the same."""

    reference: str
    candidate: str
    kind: str

    @property
    def same(self) -> bool:
        """The truth."""
        return self.kind == "same"


@dataclass(frozen=True)
class Found:
    """A pair and what the judge said."""

    known: Known
    judgement: Judgement


def read_pairs(path: Path) -> tuple[Known, ...]:
    """The hand-written pairs. Raises ConfigError if the file is not as it should be."""
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(given, dict) or set(given) != {"same", "different"}:
        raise ConfigError(f"{path} does not have the keys same and different")
    return tuple(Known(one, other, kind) for kind in given for one, other in given[kind])


def crossed(tasks: Sequence[Task], count: int, seed: int = 0) -> tuple[Known, ...]:
    """References of different tasks; half of them of one area and with a program in common."""
    chance = random.Random(seed)  # noqa: S311
    near: list[Known] = []
    far: list[Known] = []
    while len(near) < count // 2 or len(far) < count - count // 2:
        one, other = chance.sample(tasks, 2)
        pair = Known(one.references[0], other.references[0], "other task")
        shared = set(utilities_of(pair.reference)) & set(utilities_of(pair.candidate))
        if one.area == other.area and shared:
            near.append(pair)
        else:
            far.append(pair)
    return (*near[: count // 2], *far[: count - count // 2])


def found_for(pairs: Sequence[Known], processes: int = 1) -> tuple[Found, ...]:
    """What the judge says of each pair. Raises SandboxMissing where nothing can be isolated."""
    if reason := reason_it_cannot_run():
        raise SandboxMissing(reason)
    with ProcessPoolExecutor(processes) as pool:
        said = pool.map(judge, [p.reference for p in pairs], [p.candidate for p in pairs])
        return tuple(Found(pair, one) for pair, one in zip(pairs, said, strict=True))


def table(found: Sequence[Found]) -> str:
    """Counts by kind, then precision and recall with 95 % intervals, as Markdown."""
    lines = ["| pairs | n | equivalent | different | undecidable |", "|---|---|---|---|---|"]
    for kind in KINDS:
        said = [one.judgement.answer for one in found if one.known.kind == kind]
        counts = [said.count(answer) for answer in ("equivalent", "different", "undecidable")]
        lines.append(f"| {kind} | {len(said)} | {' | '.join(map(str, counts))} |")
    decided = [one for one in found if one.judgement.answer != "undecidable"]
    claimed = [one.known.same for one in decided if one.judgement.answer == "equivalent"]
    true = [one.judgement.answer == "equivalent" for one in decided if one.known.same]
    missed = [one.judgement.answer == "equivalent" for one in decided if not one.known.same]
    lines += ["", f"precision {_shown(Rate.of(claimed))}, recall {_shown(Rate.of(true))}, "
              f"different but called equivalent {_shown(Rate.of(missed))}, "
              f"decided {_shown(Rate(len(decided), len(found)))}"]  # fmt: skip
    return "\n".join(lines)


def _shown(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.hits}/{rate.n} = {rate.value:.1%} [{low:.1%}, {high:.1%}]"


def wrong(found: Sequence[Found]) -> list[str]:
    """Every pair that was not decided as a person would, with the reason, for reading."""
    return [
        f"{one.judgement.answer}: {one.known.reference}  <>  {one.known.candidate}"
        f"  ({one.known.kind}; {one.judgement.reason})"
        for one in found
        if (one.judgement.answer == "equivalent") is not one.known.same
        or one.judgement.answer == "undecidable"
    ]


def main() -> int:
    """Print the table and what was judged wrongly; 3 without a sandbox."""
    parser = argparse.ArgumentParser(prog="python -m cli_tuner.evaluate.execution.validation")
    parser.add_argument("--pairs", type=Path, default=Path("benchmarks/equivalence/pairs.yaml"))
    parser.add_argument("--tasks", type=Path, default=Path("benchmarks/nl2bash_exec/tasks"))
    parser.add_argument("--crossed", type=int, default=150, help="pairs of two tasks (150)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    given = parser.parse_args()
    try:
        pairs = (*read_pairs(given.pairs), *crossed(read_tasks(given.tasks), given.crossed))
        found = found_for(pairs, given.jobs)
    except CliTunerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(table(found))
    print("\n".join(wrong(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
