"""Runs every command of the generator in the sandbox: `python -m cli_tuner.data.generate.proof`.

Each distinct command runs at least once, on the tree its intent declares for its values, and has
to do what the intent expects. What needs a network, a daemon or a program that is not here is
parsed by `bash -n` and judged by the guard only, and counted apart.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cli_tuner.data.generate.expect import Checker, probe
from cli_tuner.data.generate.intent import Intent, intents
from cli_tuner.data.generate.pairs import clashes, requests
from cli_tuner.data.generate.render import Rendered
from cli_tuner.data.generate.trees import tree_of
from cli_tuner.errors import CliTunerError, SandboxMissing
from cli_tuner.guard import check
from cli_tuner.records import Level
from cli_tuner.sandbox import image, reason_it_cannot_run, run
from cli_tuner.shell import is_known_utility, syntax_error_in
from cli_tuner.shell.template import utilities_of


@dataclass(frozen=True)
class Proved:
    """What was found for one intent: its distinct requests and commands, and what is wrong."""

    intent: str
    domain: str
    proof: str
    pairs: int
    commands: int
    problems: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """Programs that are not here and for want of which commands failed; they were parsed only."""


def prove(intent: Intent, seed: int = 0, most: int | None = None) -> Proved:
    """Prove all commands of one intent, or the first `most`."""
    made: dict[str, Rendered] = {}
    chosen: list[Rendered] = []
    missing: set[str] = set()
    count = 0
    try:
        for _, rendered in requests(intent, seed, intent.pairs):
            count += 1
            made.setdefault(rendered.command, rendered)
        chosen = list(made.values())[:most]
        problems = [each for one in chosen for each in _problems(one)]
        if not made:
            problems.append("no pair with a command of at most 200 characters")
        problems += _syntax([one.command for one in chosen])
    except CliTunerError as error:
        problems = [str(error)]
    if problems and intent.proof == "run":
        missing = {name for one in chosen for name in _needed(one) if not _is_here(name)}
    if missing:
        problems = [each for one in chosen for each in _problems(one, runs=False)]
    return Proved(
        intent.id,
        intent.domain,
        intent.proof,
        count,
        len(made),
        tuple(problems),
        tuple(sorted(missing)),
    )


def _needed(made: Rendered) -> set[str]:
    """The programs of the command, of what prepares its tree and of what it is compared with."""
    expect = made.intent.expect
    then = expect.get("then", ())
    texts = [made.command, *map(made.fill, (*made.intent.setup, *made.intent.each))]
    texts += [made.fill(str(each)) for each in ([then] if isinstance(then, str) else then)]
    texts += [made.fill(str(expect["same"]))] if "same" in expect else []
    return {name for text in texts for name in utilities_of(text)}


@cache
def _is_here(name: str) -> bool:
    """A program, a builtin or a keyword; a path or a function of the text is nobody's to find."""
    if "/" in name or not is_known_utility(name) or shutil.which(name):
        return True
    done = subprocess.run(["bash", "-c", 'type -t -- "$1"', "bash", name],
                          capture_output=True, check=False)  # fmt: skip
    return done.returncode == 0


def _problems(made: Rendered, *, runs: bool = True) -> Iterator[str]:
    command = made.command
    judged = [f"own parser: {reason}" for reason in [syntax_error_in(command)] if reason]
    verdict = check(command)
    if verdict.level is Level.DANGEROUS:
        judged.append(
            "the guard calls it dangerous: " + ", ".join(r.rule_id for r in verdict.reasons)
        )
    if made.intent.proof == "run" and runs and not judged:
        judged += _run(made)
    for each in judged:
        yield f"{command}\n      {each}\n      asked: {made.query}"


def _run(made: Rendered) -> Iterator[str]:
    start = image(tree_of(made))
    done = run(made.command, start, probe=probe(made))
    yield from Checker(made, done, start.before, start.made_at).problems()
    if other := made.intent.expect.get("same"):
        twin = run(made.fill(str(other)), start)
        if done.stdout != twin.stdout or done.changes != twin.changes:
            yield (
                f"printed {done.stdout[:200]!r}, and `{made.fill(str(other))}`"
                f" {twin.stdout[:200]!r} {twin.stderr[:100]!r}"
            )


def _syntax(commands: list[str]) -> list[str]:
    """What `bash -n` refuses; one process for all if all is well."""
    if _readable("\n".join(commands)):
        return []
    return [f"{each}\n      bash -n refuses it" for each in commands if not _readable(each)]


def _readable(text: str) -> bool:
    done = subprocess.run(["bash", "-n", "-c", text], capture_output=True, check=False)
    return done.returncode == 0


def main() -> int:
    """Print counts and failures; 1 if there are failures, 3 without a sandbox."""
    parser = argparse.ArgumentParser(prog="python -m cli_tuner.data.generate.proof")
    parser.add_argument("--domain", action="append", help="only this domain (may be repeated)")
    parser.add_argument("--intent", action="append", help="only this intent (may be repeated)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, help="only so many commands an intent")
    parser.add_argument("--show", type=int, default=0, help="print so many pairs an intent")
    parser.add_argument("--problems", type=int, default=2, help="print so many an intent (2)")
    parser.add_argument(
        "--write", type=Path, help="put the counts into this document if all is well"
    )
    given = parser.parse_args()
    try:
        return _report(given)
    except SandboxMissing as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except CliTunerError as error:
        print(error, file=sys.stderr)
        return 1


def _report(given: argparse.Namespace) -> int:
    chosen = _chosen(given)
    for intent in chosen if given.show else ():
        for query, made in requests(intent, given.seed, given.show):
            print(f"{intent.id:28} {query}\n{'':28}   {made.command}")
    if reason := reason_it_cannot_run():
        raise SandboxMissing(reason)
    started = time.monotonic()
    proved = []
    with ProcessPoolExecutor(given.jobs) as pool:
        for one in pool.map(prove, chosen, [given.seed] * len(chosen), [given.most] * len(chosen)):
            proved.append(one)
            for problem in one.problems[: given.problems]:
                print(f"FAIL {one.intent}: {problem}", flush=True)
    clashing = list(clashes(chosen, given.seed))
    for pair, other in clashing:
        print(f'CLASH "{pair.query}"\n      {pair.intent}: {pair.command}\n'
              f"      {other.intent}: {other.command}")  # fmt: skip
    counts = table(proved)
    print(counts)
    failed = [one.intent for one in proved if one.problems]
    for one in proved:
        if one.missing:
            print(f"NOT RUN {one.intent}: {', '.join(one.missing)} not here")
    print(f"{time.monotonic() - started:.0f} s; {len(clashing)} clashes; "
          f"{len(failed)} intents with problems: {', '.join(failed) or 'none'}")  # fmt: skip
    if given.write and not failed and not clashing and not any(one.missing for one in proved):
        _write(given.write, counts)
    return 1 if failed or clashing else 0


def _chosen(given: argparse.Namespace) -> tuple[Intent, ...]:
    named = sorted({each.split(".", 1)[0] for each in given.intent or () if "." in each})
    return tuple(
        intent
        for intent in intents(*(given.domain or named))
        if not given.intent or {intent.id, intent.id.split(".", 1)[1]} & set(given.intent)
    )


def _write(path: Path, counts: str) -> None:
    """Put the counts between the two marks of a document."""
    text = path.read_text(encoding="utf-8")
    begin, end = "<!-- proof -->\n", "<!-- end of proof -->"
    head, _, rest = text.partition(begin)
    path.write_text(f"{head}{begin}{counts}\n{end}{rest.partition(end)[2]}", encoding="utf-8")


def table(proved: list[Proved]) -> str:
    """Counts by domain, as Markdown."""
    lines = ["| domain | intents | pairs | commands | run | parsed only | problems |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name in [*sorted({one.domain for one in proved}), "all"]:
        some = [one for one in proved if name in {one.domain, "all"}]
        ran: Counter[bool] = Counter()
        for one in some:
            ran[one.proof == "run" and not one.missing] += one.commands
        lines.append(
            f"| {name} | {len(some)} | {sum(o.pairs for o in some)} | "
            f"{sum(o.commands for o in some)} | {ran[True]} | {ran[False]} | "
            f"{sum(len(o.problems) for o in some)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
