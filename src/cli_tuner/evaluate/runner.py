"""Asks the model every request, keeps each answer at once, and goes on where it stopped.

<output>/<name>.answers/
  run.json       what was asked of whom, in digests, and every sitting
  items.jsonl    one line for each answer, in the order in which they came

A killed run leaves at most half a line, which is asked again. Answers of another model, prompt,
set or configuration are never mixed: that is refused.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
    known = _read(folder / ITEMS, rows)
    missing = [row for row in rows if (row.set, row.id) not in known]
    progress.step(f"ask {backend.identity.name}", len(rows))
    progress.advance(len(known))
    began, asked = time.monotonic(), 0
    try:
        asker = Asker(backend, Safety(config.safety), config.max_new_tokens)
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
        "ruleset_sha256": ruleset_digest(),
        "sets": {one.config.name: one.sha256 for one in sets},
    }


def _opened(folder: Path, identity: dict[str, Any]) -> dict[str, Any]:
    """The record of the run, new or gone on with."""
    path = folder / RUN
    if not path.exists():
        run = {"identity": identity, "sittings": []}
        (folder / ITEMS).unlink(missing_ok=True)
        _write(path, run)
        return run
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        before = found["identity"]
    except (ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{path} is not readable", hint=f"remove {folder}") from error
    changed = sorted(key for key in identity if before.get(key) != identity[key])
    if changed:
        what = ", ".join(key.removesuffix("_sha256") for key in changed)
        raise EvaluationError(
            f"{folder} has answers that were asked for with another {what}",
            hint="choose another name, or remove that folder",
        )
    return found


def _write(path: Path, document: dict[str, Any]) -> None:
    scratch = path.with_name(f".{path.name}")
    scratch.write_text(f"{json.dumps(document, indent=2)}\n", encoding="utf-8")
    scratch.replace(path)


def _read(path: Path, rows: Iterable[Row]) -> dict[_Key, Item]:
    """The answers that are there; what follows a line that was cut off is dropped."""
    if not path.exists():
        return {}
    wanted = {(row.set, row.id): row for row in rows}
    known: dict[_Key, Item] = {}
    whole = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            fields = json.loads(line)
            item = Item(**{**fields, "references": tuple(fields["references"])})
        except (ValueError, TypeError, KeyError):
            break
        whole.append(line)
        row = wanted.get((item.set, item.id))
        if row is not None:
            known[item.set, item.id] = replace(item, row=row.source)
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
