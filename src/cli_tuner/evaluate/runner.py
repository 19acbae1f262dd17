"""Asks the model every request, keeps each answer at once, and goes on where it stopped.

<output>/<name>.answers/
  run.json       what was asked of whom, in digests, and every sitting
  items.jsonl    one line for each answer, in the order in which they came

A killed run leaves at most half a line, which is asked again. Answers of another model or prompt,
or to another file of the same name, are never mixed: that is refused. What is kept is what the
model said; each time it goes through today's boundaries and rules again.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

from cli_tuner.artifacts import Progress
from cli_tuner.artifacts.provenance import code_state, now
from cli_tuner.backends.protocol import Backend
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.answering import Asker
from cli_tuner.evaluate.config import EvaluateConfig
from cli_tuner.evaluate.rows import Row, RowSet
from cli_tuner.evaluate.suite import Item
from cli_tuner.guard import ruleset_digest
from cli_tuner.prompt import TEMPLATE_SHA256
from cli_tuner.records import Safety

RUN, ITEMS = "run.json", "items.jsonl"
_Key = tuple[str, str]


@dataclass(frozen=True)
class Answers:
    """Every item, in the order of the sets, and how they were come by."""

    items: tuple[Item, ...]
    run: dict[str, Any]

    def of(self, name: str) -> tuple[Item, ...]:
        """The items of one set."""
        return tuple(item for item in self.items if item.set == name)


def answers_folder(config: EvaluateConfig) -> Path:
    """Where the answers of a run are kept, finished or not."""
    return Path(config.output) / f"{config.name}.answers"


def ask(
    config: EvaluateConfig, sets: Sequence[RowSet], backend: Backend, progress: Progress
) -> Answers:
    """The answers to all rows; those that are there already are not asked again.

    Raises EvaluationError if the folder holds answers to something else, and what the backend
    raises; every answer that came before is kept.
    """
    folder = answers_folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    run = _opened(folder, _identity(config, sets, backend))
    rows = [row for one in sets for row in one.rows]
    asker = Asker(backend, Safety(config.safety), config.max_new_tokens)
    known = _again(asker, _read(folder / ITEMS), rows)
    missing = [row for row in rows if (row.set, row.id) not in known]
    progress.step(f"ask {backend.identity.name}", len(rows))
    progress.advance(len(known))
    began, asked = time.monotonic(), 0
    try:
        with (folder / ITEMS).open("a", encoding="utf-8") as file, _terminated_like_ctrl_c():
            for item in _asked(asker, missing, config.sitting.parallel):
                file.write(f"{json.dumps(item.as_json(), ensure_ascii=False)}\n")
                file.flush()
                known[item.set, item.id] = item
                asked += 1
                progress.advance()
    finally:
        if asked:
            sitting = {
                "ended_at": now(),
                "items": asked,
                "seconds": round(time.monotonic() - began, 1),
                "parallel": config.sitting.parallel,
                "threads": config.sitting.threads,
                "code": code_state(),
            }
            run["sittings"].append(sitting)
            _write(folder / RUN, run)
    return Answers(tuple(known[row.set, row.id] for row in rows), run)


@contextmanager
def _terminated_like_ctrl_c() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does: with a record of the sitting."""

    def told(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, told)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _identity(config: EvaluateConfig, sets: Sequence[RowSet], backend: Backend) -> dict[str, Any]:
    """What must be the same for two answers to belong together."""
    return {
        "asks_sha256": config.asks(),
        "model": backend.identity.model_dump(mode="json"),
        "template_sha256": TEMPLATE_SHA256,
        "sets": {one.config.name: one.sha256 for one in sets},
    }


def _opened(folder: Path, identity: dict[str, Any]) -> dict[str, Any]:
    """The record of the run, new or gone on with; sets may come to it, and rules may change."""
    path = folder / RUN
    sittings: list[Any] = []
    sets = identity["sets"]
    if path.exists():
        found = _read_run(path)
        _check_same(folder, found["identity"], identity)
        sittings, sets = found["sittings"], {**found["identity"]["sets"], **sets}
    else:
        (folder / ITEMS).unlink(missing_ok=True)
    now_known = {**identity, "sets": sets, "ruleset_sha256": ruleset_digest()}
    run = {"identity": now_known, "sittings": sittings}
    _write(path, run)
    return run


def _read_run(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        identity = {**found["identity"], "sets": dict(found["identity"]["sets"])}
        return {"sittings": list(found["sittings"]), "identity": identity}
    except (ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{path} is not readable", hint=f"remove {path.parent}") from error


def _check_same(folder: Path, before: dict[str, Any], identity: dict[str, Any]) -> None:
    """Raise EvaluationError if the answers in the folder are answers to something else."""
    changed = [key for key in identity if key != "sets" and before.get(key) != identity[key]]
    if any(before["sets"].get(name, it) != it for name, it in identity["sets"].items()):
        changed.append("sets")
    if changed:
        what = ", ".join(key.removesuffix("_sha256") for key in sorted(changed))
        raise EvaluationError(
            f"{folder} has answers that were asked for with another {what}",
            hint="choose another name, or remove that folder",
        )


def _write(path: Path, document: dict[str, Any]) -> None:
    scratch = path.with_name(f".{path.name}")
    scratch.write_text(f"{json.dumps(document, indent=2)}\n", encoding="utf-8")
    scratch.replace(path)


def _again(asker: Asker, said: dict[_Key, Item], rows: Iterable[Row]) -> dict[_Key, Item]:
    """What was said to these rows before, through today's boundaries."""
    found: dict[_Key, Item] = {}
    for row in rows:
        before = said.get((row.set, row.id))
        item = asker.again(before, row) if before else None
        if item is not None:
            found[row.set, row.id] = item
    return found


def _read(path: Path) -> dict[_Key, Item]:
    """The answers that are there; what follows a line that was cut off is dropped."""
    if not path.exists():
        return {}
    known: dict[_Key, Item] = {}
    whole = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            fields = json.loads(line)
            item = Item(**{**fields, "references": tuple(fields["references"])})
        except (ValueError, TypeError, KeyError):
            break
        whole.append(line)
        known[item.set, item.id] = item
    path.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")
    return known


def _asked(asker: Asker, rows: Sequence[Row], parallel: int) -> Iterable[Item]:
    """Each item as soon as its answer came. Ends what is under way when it is left."""
    stop = threading.Event()
    waiting = iter(rows)
    running: set[Future[Item]] = set()
    with ThreadPoolExecutor(parallel) as pool:
        try:
            while True:
                more = islice(waiting, parallel - len(running))
                running |= {pool.submit(asker.item, row, stop.is_set) for row in more}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            stop.set()
