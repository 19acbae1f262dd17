"""The gates: what a release must pass before it answers anybody.

    signature     a trusted key signed the manifest; every file was read and has its digest
    inputs        prompt template, rules and policy of this machine are those it was built with
    evaluation    the report is about exactly these weights, prompt and rules; no gate of it failed
                  but those that the signer accepted by name, and never one of its safety gates
    safety        every command of the frozen smoke set is judged as it must be
    smoke         queries cross the six boundaries with these weights; what must be refused is
    latency       the 95th percentile of these answers' times keeps the manifest's bound

All are tried, so that one look shows everything that is wrong, but for those behind a signature
that does not fit: nothing of such a folder is loaded.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.backends.protocol import Backend
from cli_tuner.boundaries.api import options_for
from cli_tuner.boundaries.assemble import embedded, parts_for
from cli_tuner.boundaries.generate import generate
from cli_tuner.errors import CliTunerError, ReleaseError
from cli_tuner.guard import check, load_policy, ruleset_digest
from cli_tuner.models import resolve
from cli_tuner.prompt import TEMPLATE_SHA256
from cli_tuner.records import Caller, CommandResponse, Safety
from cli_tuner.release.log import Outcome
from cli_tuner.release.manifest import EVALUATION, Manifest
from cli_tuner.release.verification import Verified, verified
from cli_tuner.settings import Paths, Settings

SAFETY_SET = Path(__file__).with_name("safety.jsonl")
SMOKE_SET = Path(__file__).with_name("smoke.jsonl")
_SHOWN = 3

MakeBackend = Callable[[Manifest, Path], Backend]


@dataclass(frozen=True)
class Gates:
    """The gates of this machine. `backend` makes what answers the smoke queries."""

    paths: Paths
    settings: Settings
    backend: MakeBackend

    def run(self, folder: Path) -> tuple[Verified | None, list[Outcome]]:
        """Every gate's outcome; the release if its signature fits."""
        began = time.perf_counter()
        try:
            release = verified(folder, self.paths)
        except CliTunerError as error:
            return None, [_outcome("signature", str(error), began, passed=False)]
        said = f"signed by {release.key}, {len(release.manifest.files)} files"
        outcomes = [_outcome("signature", said, began)]
        for gate in (self._inputs, self._evaluation, self._safety):
            outcomes.append(_tried(gate.__name__.strip("_"), partial(gate, release)))
        outcomes += self._smoke(release)
        return release, outcomes

    def _inputs(self, release: Verified) -> str:
        manifest = release.manifest
        policy = load_policy(self.paths, None)
        here = {
            "prompt template": (TEMPLATE_SHA256, manifest.template_sha256),
            "rules": (ruleset_digest(), manifest.ruleset_sha256),
            "policy": (
                policy.digest(policy.tightened(Safety(self.settings.safety))),
                manifest.policy_sha256,
            ),
        }
        other = [name for name, (found, named) in here.items() if found != named]
        if other:
            raise ReleaseError(
                f"another {' and '.join(other)} is in force here than in the release",
                hint="build the release anew",
            )
        return "prompt, rules and policy are those of the release"

    def _evaluation(self, release: Verified) -> str:
        manifest = release.manifest
        results = json.loads((release.folder / EVALUATION).read_text("utf-8"))
        _check_subject(manifest, results)
        failed = [one for one in results["gates"] if one["verdict"] == "FAIL"]
        grave = [one["gate"] for one in failed if one["measure"].startswith("safety.")]
        if grave:
            raise ReleaseError(f"the evaluation failed {_some(grave)}", hint="nobody may accept it")
        accepted = set(manifest.evaluation.accepted)
        left = [one["gate"] for one in failed if one["gate"] not in accepted]
        if left:
            raise ReleaseError(
                f"the evaluation failed {_some(left)}",
                hint="train better, or build with --accept and the gate's name",
            )
        passed = sum(one["verdict"] == "pass" for one in results["gates"])
        unknown = sum(one["verdict"] == "not measured" for one in results["gates"])
        return f"{passed} passed, {len(failed)} failed and accepted, {unknown} not measured"

    def _safety(self, _: Verified) -> str:
        """Dangerous ones under the policy in force, which may allow; safe ones under our own."""
        policy = load_policy(self.paths, None)
        wrong, count = [], 0
        for row in _rows(SAFETY_SET):
            judged = check(row["command"], policy=policy if row["expect"] == "dangerous" else None)
            count += 1
            if judged.level.value != row["expect"]:
                wrong.append(f"{row['id']} is {judged.level.value}")
        if wrong:
            raise ReleaseError(
                f"{len(wrong)} of {count} commands are judged wrongly: {_some(wrong)}"
            )
        return f"{count} of {count} (set {sha256_of_file(SAFETY_SET)[:12]})"

    def _smoke(self, release: Verified) -> Iterator[Outcome]:
        began = time.perf_counter()
        try:
            backend = self.backend(release.manifest, release.folder)
        except CliTunerError as error:
            yield _outcome("smoke", f"the model does not load: {error}", began, passed=False)
            return
        try:
            answers, times = self._answers(backend)
        except CliTunerError as error:
            yield _outcome("smoke", f"the model does not answer: {error}", began, passed=False)
            return
        finally:
            backend.close()
        yield _tried("smoke", lambda: _judged(answers, release.manifest), began)
        yield _tried("latency", lambda: _in_time(times, release.manifest))

    def _answers(self, backend: Backend) -> tuple[list[tuple[str, CommandResponse]], list[float]]:
        """Each query's expectation and answer, and the times of the model's answers, in ms."""
        policy = load_policy(self.paths, None)
        settings = self.settings._replace(rate_limit=0)
        options = options_for(settings, caller=Caller.API).under(policy)
        answers, times = [], []
        with tempfile.TemporaryDirectory() as folder:  # nothing of this belongs in the journal
            parts = parts_for(settings, self.paths._replace(state=Path(folder)), backend)
            rows = list(_rows(SMOKE_SET))
            generate(rows[0]["query"], options, parts)  # the first answer pays for the loading
            for row in rows:
                began = time.perf_counter()
                answers.append((row["expect"], generate(row["query"], options, parts)))
                if row["expect"] == "command":
                    times.append((time.perf_counter() - began) * 1000)
        return answers, times


def loaded_here(paths: Paths, settings: Settings) -> MakeBackend:
    """Loads a release's weights into this process: what crashes there leaves the service alone."""

    def make(manifest: Manifest, folder: Path) -> Backend:
        return embedded(resolve(manifest.reference(folder), paths), paths, settings.threads)

    return make


def _check_subject(manifest: Manifest, results: dict[str, Any]) -> None:
    """Raise ReleaseError unless the report is about these weights, this prompt and these rules."""
    adapter = manifest.model.adapter
    try:
        identity = results["run"]["identity"]
        about = {
            "weights": (results["model"]["sha256"], manifest.model.base.sha256),
            "adapter": (results["model"]["adapter_sha256"], adapter.sha256 if adapter else None),
            "prompt template": (identity["template_sha256"], manifest.template_sha256),
            "rules": (identity["ruleset_sha256"], manifest.ruleset_sha256),
        }
        complete = {"gate", "verdict", "measure"}
        if not all(complete <= one.keys() for one in results["gates"]):
            raise KeyError("gates")
    except (KeyError, TypeError, AttributeError) as error:
        raise ReleaseError("the evaluation's report is of another version") from error
    other = [name for name, (found, named) in about.items() if found != named]
    if other:
        raise ReleaseError(
            f"the evaluation is about another {' and '.join(other)}",
            hint="evaluate these weights, then build anew",
        )


def _judged(answers: list[tuple[str, CommandResponse]], manifest: Manifest) -> str:
    slipped = [answer for expect, answer in answers if expect == "refused" and answer.command]
    if slipped:
        raise ReleaseError(f"{len(slipped)} queries that must be refused were answered")
    wanted = [answer for expect, answer in answers if expect == "command"]
    valid = sum(answer.command is not None for answer in wanted)
    if valid < manifest.bounds.smoke_valid_min * len(wanted):
        raise ReleaseError(
            f"{valid} of {len(wanted)} queries got a command,"
            f" {manifest.bounds.smoke_valid_min:.0%} must"
        )
    return f"{valid} of {len(wanted)} queries got a command, what must be refused was"


def _in_time(times: list[float], manifest: Manifest) -> str:
    p95 = percentile(times, 0.95)
    bound = manifest.bounds.latency_p95_ms
    if p95 > bound:
        raise ReleaseError(
            f"p95 is {p95:.0f} ms, at most {bound:.0f} are allowed",
            hint="try again when the machine is idle, or build another version with --bounds",
        )
    return f"p95 {p95:.0f} ms of at most {bound:.0f}"


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile of at least one value."""
    ordered = sorted(values)
    rank = -(-len(ordered) * round(share * 100) // 100)
    return ordered[max(0, rank - 1)]


def _tried(gate: str, attempt: Callable[[], str], began: float | None = None) -> Outcome:
    began = time.perf_counter() if began is None else began
    try:
        said = attempt()
    except (CliTunerError, ValueError, KeyError) as error:
        return _outcome(gate, str(error), began, passed=False)
    return _outcome(gate, said, began)


def _outcome(gate: str, said: str, began: float, *, passed: bool = True) -> Outcome:
    seconds = round(time.perf_counter() - began, 3)
    return Outcome(gate=gate, passed=passed, said=said, seconds=seconds)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    for line in path.read_text("utf-8").splitlines():
        yield json.loads(line)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
