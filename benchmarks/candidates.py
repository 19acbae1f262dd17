"""Whether choosing among several candidates beats the greedy answer, and what it costs.

    python benchmarks/candidates.py SET.jsonl --model fast+fast-v3 -n 4 --keep outputs.jsonl \\
        [--suite domain --suite execution] [--limit 300] [--write RESULT.md]

Every request is answered as `generate -n N` answers it: greedily, then N-1 samples together. What
the model wrote is kept, so that a run which was stopped goes on where it was and the judging can
be repeated without the model. The choice is the product's (`boundaries.choice`), once knowing what
is installed on this machine and once not: requests about programs that are not installed here
would otherwise be decided by that.

The table compares greedy and chosen on the same requests: how many became right and how many
wrong, with McNemar's exact p, and the time of a request in relation to the greedy answer alone.
`first k` is the choice among the first k of the N. `unsure` samples only where the greedy answer
is refused or its mean log-probability is in the lowest share of the set; the share is a cut on
this very set, so a default that rests on it needs another set to confirm it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cli_tuner import __version__
from cli_tuner.artifacts.markdown import table
from cli_tuner.backends.protocol import Backend, Sampling, never
from cli_tuner.boundaries.generate import generate
from cli_tuner.boundaries.parts import Options, Parts, nothing_against
from cli_tuner.boundaries.proposal import SLIPS
from cli_tuner.boundaries.rate import RateLimiter
from cli_tuner.errors import CliTunerError, UsageError
from cli_tuner.evaluate.answering import Asker, open_backend
from cli_tuner.evaluate.config import EvaluateConfig, ItemSet, Model
from cli_tuner.evaluate.rate import Rate
from cli_tuner.evaluate.rows import Row, read_set
from cli_tuner.evaluate.suite import Context, Item, checked, load_suite
from cli_tuner.grounding import Installed, problems_in
from cli_tuner.guard import check
from cli_tuner.mcnemar import mcnemar_p
from cli_tuner.records import ModelIdentity, NormalizedRequest, RawModelOutput, Safety
from cli_tuner.settings import Paths

MEASURES = {"domain": "exact_canonical", "execution": "passed", "equivalence": "equivalent"}
SHARES = (0.1, 0.2, 0.3, 0.5)
"""Of the requests: how many are sampled under `unsure`."""
NEW_TOKENS = 96

Problems = Callable[[str], tuple[str, ...]]


@dataclass(frozen=True)
class Answered:
    """What came for one request: the greedy output first; times are the whole calls'."""

    outputs: tuple[RawModelOutput, ...]
    greedy_ms: float
    sampled_ms: float

    def as_json(self, row: str) -> str:
        """A line of the file that is kept."""
        outputs = [output.model_dump(mode="json") for output in self.outputs]
        times = {"greedy_ms": self.greedy_ms, "sampled_ms": self.sampled_ms}
        return json.dumps({"id": row, **times, "outputs": outputs})

    @classmethod
    def of(cls, line: dict[str, Any]) -> Answered:
        """The same, read back."""
        outputs = tuple(
            RawModelOutput.model_validate_json(json.dumps(one)) for one in line["outputs"]
        )
        return cls(outputs, line["greedy_ms"], line["sampled_ms"])


class _Timed:
    """A backend that is asked and watched."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.forget()

    def forget(self) -> None:
        """Before the next request."""
        self.outputs: tuple[RawModelOutput, ...] = ()
        self.spent_ms = [0.0, 0.0]

    @property
    def identity(self) -> ModelIdentity:
        return self._backend.identity

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        return self._kept(0, lambda: (self._backend.complete(request, sampling, cancelled),))[0]

    def sample(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        count: int,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[RawModelOutput, ...]:
        return self._kept(1, lambda: self._backend.sample(request, sampling, count, cancelled))

    def _kept(
        self, which: int, ask: Callable[[], tuple[RawModelOutput, ...]]
    ) -> tuple[RawModelOutput, ...]:
        began = time.perf_counter()
        outputs = ask()
        self.spent_ms[which] = (time.perf_counter() - began) * 1000
        self.outputs += outputs
        return outputs

    def close(self) -> None:
        self._backend.close()


@dataclass(frozen=True)
class _Replay:
    """A backend that says again what was said."""

    outputs: tuple[RawModelOutput, ...]

    @property
    def identity(self) -> ModelIdentity:
        return self.outputs[0].model

    def complete(self, request: NormalizedRequest, *_: object) -> RawModelOutput:
        return self.outputs[0].model_copy(update={"request_id": request.request_id})

    def sample(
        self, request: NormalizedRequest, _: Sampling, count: int, *__: object
    ) -> tuple[RawModelOutput, ...]:
        given = self.outputs[1 : 1 + count]
        return tuple(one.model_copy(update={"request_id": request.request_id}) for one in given)

    def close(self) -> None:
        pass


class _Unkept:
    """A journal that keeps nothing: a measurement is not a use."""

    def user_hmac(self) -> str:
        return "0" * 64

    def query_hmac(self, _: str) -> str:
        return "0" * 64

    def record(self, *_: object) -> None:
        pass


def crossed(query: str, backend: Backend, count: int, problems: Problems) -> str | None:
    """The command that `generate -n count` shows first; None if it shows none."""
    parts = Parts(backend, check, _Unkept(), RateLimiter(0), __version__, problems)
    options = Options("measured", candidates=count, sampling=Sampling(NEW_TOKENS))
    return generate(query, options, parts).command


def answered(rows: Sequence[Row], backend: Backend, count: int, kept: Path) -> list[Answered]:
    """What the model answers to each row; read from `kept` where it is there already."""
    begin = {"n": count, "model": backend.identity.model_dump(mode="json")}
    known = _known(kept, begin)
    timed, found = _Timed(backend), []
    crossed(rows[0].query, timed, count, nothing_against)  # what is loaded once is loaded
    with kept.open("a", encoding="utf-8") as file:
        if not known and not kept.stat().st_size:
            file.write(json.dumps(begin) + "\n")
        for number, row in enumerate(rows, start=1):
            if row.id not in known:
                timed.forget()
                crossed(row.query, timed, count, nothing_against)
                known[row.id] = Answered(timed.outputs, *timed.spent_ms)
                file.write(known[row.id].as_json(row.id) + "\n")
                file.flush()
                print(f"\r{number} of {len(rows)}", end="", file=sys.stderr)
            found.append(known[row.id])
    print(file=sys.stderr)
    return found


def _known(kept: Path, begin: dict[str, Any]) -> dict[str, Answered]:
    if not kept.exists() or not kept.stat().st_size:
        return {}
    head, *lines = kept.read_text("utf-8").splitlines()
    if json.loads(head) != begin:
        raise UsageError(f"{kept} holds answers of another model or for another -n")
    return {line["id"]: Answered.of(line) for line in map(json.loads, lines)}


def greedy_item(row: Row, answer: Answered) -> Item:
    """The plain answer, as the evaluation stage would record it."""
    return Asker(_Replay(answer.outputs[:1]), Safety.MODERATE, NEW_TOKENS).item(row)


def chosen_item(
    row: Row, answer: Answered, count: int, problems: Problems, greedy: Item
) -> tuple[Item, float]:
    """The answer chosen among the first `count`, and the milliseconds that choosing took."""
    began = time.perf_counter()
    command = crossed(row.query, _Replay(answer.outputs), count, problems)
    spent_ms = (time.perf_counter() - began) * 1000
    if command is None:  # then the greedy one's reason is shown
        return greedy, spent_ms
    return replace(greedy, raw=command, command=command, refusal=None), spent_ms


@dataclass(frozen=True)
class Variant:
    """A way of answering: its item for each row, and what the row took in milliseconds."""

    name: str
    items: tuple[Item, ...]
    ms: tuple[float, ...]


def variants(rows: Sequence[Row], answers: Sequence[Answered], count: int) -> Iterator[Variant]:
    """The greedy answer, and every way of choosing that the table has a line for."""
    installed = Installed(Path(tempfile.gettempdir()) / "cli-tuner-candidates")
    greedy = tuple(map(greedy_item, rows, answers))
    ms = tuple(answer.greedy_ms for answer in answers)
    yield Variant("greedy", greedy, ms)
    whole: Variant | None = None
    for most in range(2, count + 1):
        found = [
            chosen_item(row, answer, most, nothing_against, item)
            for row, answer, item in zip(rows, answers, greedy, strict=True)
        ]
        spent = tuple(
            answer.greedy_ms + answer.sampled_ms + choice_ms
            for answer, (_, choice_ms) in zip(answers, found, strict=True)
        )
        name = f"first {most}" if most < count else f"all {count}"
        whole = Variant(name, tuple(item for item, _ in found), spent if most == count else ())
        yield whole
    assert whole is not None
    grounded = [
        chosen_item(row, answer, count, lambda text: problems_in(text, installed), item)[0]
        for row, answer, item in zip(rows, answers, greedy, strict=True)
    ]
    yield Variant(f"all {count}, knowing this machine", tuple(grounded), whole.ms)
    yield spared(Variant("", greedy, ms), whole)
    for share in SHARES:
        yield unsure(share, Variant("", greedy, ms), whole)


def spared(greedy: Variant, chosen: Variant) -> Variant:
    """What `generate` does by itself: more only where the greedy answer is a slip."""
    again = [item.refusal in SLIPS for item in greedy.items]
    return Variant(
        f"spare, for {sum(again)} of {len(again)}",
        tuple((chosen if do else greedy).items[i] for i, do in enumerate(again)),
        tuple((chosen if do else greedy).ms[i] for i, do in enumerate(again)),
    )


def unsure(share: float, greedy: Variant, chosen: Variant) -> Variant:
    """Choosing only where the greedy answer is refused or among the least likely `share`."""
    known = sorted(
        item.mean_logprob
        for item in greedy.items
        if item.mean_logprob is not None and item.handed_over
    )
    refused = len(greedy.items) - len(known)
    wanted = max(0, round(share * len(greedy.items)) - refused)
    cut = known[wanted - 1] if 0 < wanted <= len(known) else float("-inf")
    sampled = [
        not item.handed_over or (item.mean_logprob is not None and item.mean_logprob <= cut)
        for item in greedy.items
    ]
    return Variant(
        f"unsure {share:.0%} (mean log-probability <= {cut:.3f})",
        tuple((chosen if do else greedy).items[i] for i, do in enumerate(sampled)),
        tuple((chosen if do else greedy).ms[i] for i, do in enumerate(sampled)),
    )


def held(items: Sequence[Item], suite: str, parallel: int) -> list[bool | None]:
    """Whether the suite's measure holds, for each item."""
    with tempfile.TemporaryDirectory() as folder:
        context = Context(Path(folder), parallel=parallel)
        result = checked(load_suite(suite)(items, context), items)
    return [one.measures[MEASURES[suite]] for one in result.outcomes]


def report(given: argparse.Namespace, rows: Sequence[Row], answers: Sequence[Answered]) -> str:
    """The result as Markdown."""
    found = list(variants(rows, answers, given.n))
    lines = [
        "# Choosing among candidates",
        "",
        f"{len(rows)} requests of {Path(given.set).name} to {answers[0].outputs[0].model.name},"
        f" {given.n} candidates each: one greedy, {given.n - 1} sampled together. Load of the"
        f" machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.",
        "",
        "Made by `benchmarks/candidates.py`, which says what the lines mean.",
        "",
    ]
    for suite in given.suite:
        lines += [f"## {suite}: {MEASURES[suite]}", ""]
        lines += compared(found, suite, given.parallel)
    return "\n".join(lines)


def compared(found: Sequence[Variant], suite: str, parallel: int) -> Iterator[str]:
    """A table for one suite. A command that was judged for one variant is not judged again."""
    plain = found[0]
    judged: dict[tuple[str, str | None], bool | None] = {}
    for variant in found:
        new = [item for item in variant.items if (item.id, item.command) not in judged]
        if new:
            told = held(new, suite, parallel)
            judged.update(zip([(item.id, item.command) for item in new], told, strict=True))
    before = [judged[item.id, item.command] for item in plain.items]
    rows = []
    for variant in found:
        after = [judged[item.id, item.command] for item in variant.items]
        pairs = [(a, b) for a, b in zip(before, after, strict=True) if None not in (a, b)]
        if not pairs:
            continue
        rate = Rate.of(bool(b) for _, b in pairs)
        fixed = sum(not a and bool(b) for a, b in pairs)
        broken = sum(bool(a) and not b for a, b in pairs)
        p = "" if variant is plain else f"{mcnemar_p(fixed, broken):.3f}"
        low, high = rate.interval
        share = f"{rate.hits}/{rate.n} = {rate.value:.1%} ({low:.1%} to {high:.1%})"
        rows.append((variant.name, share, fixed, broken, p, _ratio(plain, variant)))
    head = ("answer", "right (95 %)", "fixed", "broken", "McNemar p", "time")
    yield from table(head, rows)


def _ratio(plain: Variant, variant: Variant) -> str:
    """Mean and median of a request's time, in relation to the greedy answer's."""
    if not variant.ms:
        return "not measured"
    mean = statistics.fmean(variant.ms) / statistics.fmean(plain.ms)
    median = statistics.median(b / a for a, b in zip(plain.ms, variant.ms, strict=True))
    return f"{mean:.2f} (median {median:.2f})"


def main() -> int:
    """Ask, judge, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("set", help="JSON lines with a request and its right commands")
    parser.add_argument("--model", default="fast", help="as generate takes it")
    parser.add_argument("--adapter", help="a GGUF adapter that is not installed")
    parser.add_argument("--backend", default="local")
    parser.add_argument("-n", type=int, default=4, choices=range(2, 9))
    parser.add_argument("--limit", type=int, help="so many rows, by seed 7")
    parser.add_argument("--suite", action="append", choices=MEASURES, help="default: domain")
    parser.add_argument("--parallel", type=int, default=1, help="processes of a suite")
    parser.add_argument("--keep", type=Path, required=True, help="what the model wrote")
    parser.add_argument("--write", type=Path, help="where the result goes as well")
    given = parser.parse_args()
    given.suite = given.suite or ["domain"]
    try:
        asked = ItemSet(name="dev", path=given.set, limit=given.limit)
        rows = read_set(asked, 7).rows
        config = EvaluateConfig(
            name="candidates",
            sets=(asked,),
            model=Model(reference=given.model, adapter=given.adapter, backend=given.backend),
        )
        backend = open_backend(config, Paths.of())
        try:
            answers = answered(rows, backend, given.n, given.keep)
        finally:
            backend.close()
        text = report(given, rows, answers)
    except CliTunerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(text)
    if given.write is not None:
        given.write.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
