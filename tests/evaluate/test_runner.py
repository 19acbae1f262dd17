from __future__ import annotations

import json
import os
import signal
import threading
import time
from itertools import count

import pytest

from cli_tuner.artifacts import SILENT
from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.errors import BackendError, EvaluationError
from cli_tuner.evaluate import answering, runner
from cli_tuner.evaluate.rows import read_set
from cli_tuner.evaluate.runner import answers_folder, ask
from cli_tuner.guard import check


def asked(config, backend):
    sets = [read_set(one, config.seed) for one in config.sets]
    return ask(config, sets, backend, SILENT)


class Breaks(ScriptedBackend):
    """Answers so often, then breaks."""

    def __init__(self, answers, times, error):
        super().__init__(answers)
        self.times, self.raised = times, error

    def complete(self, request, sampling, cancelled):
        if len(self.prompts) >= self.times:
            raise self.raised
        return super().complete(request, sampling, cancelled)


def test_every_row_gets_an_item_as_the_product_would_answer(config, backend):
    items = {item.id: item for item in asked(config, backend).items}
    assert list(items) == ["a", "b", "c", "d", "e"]
    assert (items["a"].command, items["a"].level, items["a"].handed_over) == (
        "ls -a -l",
        "safe",
        True,
    )
    assert items["b"].raw == "```bash\nwc -w f\n```"
    assert items["b"].command == "wc -w f"
    assert items["d"].command == "rm -rf /"
    assert (items["d"].level, items["d"].refusal, items["d"].handed_over) == (
        "dangerous", "dangerous", False,
    )  # fmt: skip
    assert (items["e"].command, items["e"].level, items["e"].refusal) == (
        None, None, "not_a_command",
    )  # fmt: skip
    assert items["c"].row["alt_bash"] == ["date +%c"]


def test_lines_have_the_agreed_fields(config, backend):
    asked(config, backend)
    line = (answers_folder(config) / "items.jsonl").read_text().splitlines()[0]
    assert sorted(json.loads(line)) == [
        "command", "finish", "id", "level", "mean_logprob", "ms", "query", "raw", "references",
        "refusal", "set", "stratum",
    ]  # fmt: skip


@pytest.mark.parametrize("error", [BackendError("gone"), KeyboardInterrupt()])
def test_a_run_that_ended_early_goes_on(config, backend, error):
    broken = Breaks(backend._answers, 2, error)
    with pytest.raises(type(error)):
        asked(config, broken)
    with (answers_folder(config) / "items.jsonl").open("a") as file:
        file.write('{"set": "own", "id": "c", "half a li')
    answers = asked(config, backend)
    assert len(backend.prompts) == 3
    assert [item.id for item in answers.items] == ["a", "b", "c", "d", "e"]
    assert [one["items"] for one in answers.run["sittings"]] == [2, 3]
    again = asked(config, backend)
    assert len(backend.prompts) == 3
    assert again.items == answers.items


def test_answers_to_something_else_are_refused(config, backend, rows_file):
    asked(config, backend)
    with pytest.raises(EvaluationError, match="with another asks; choose another name"):
        asked(config.model_copy(update={"max_new_tokens": 50}), backend)
    rows_file.write_text(rows_file.read_text().replace("hello", "hullo"))
    with pytest.raises(EvaluationError, match="with another sets"):
        asked(config, backend)


def test_another_model_is_refused(config, backend):
    asked(config, backend)

    class Other(ScriptedBackend):
        @property
        def identity(self):
            return super().identity.model_copy(update={"sha256": "0" * 64})

    with pytest.raises(EvaluationError, match="with another model"):
        asked(config, Other(backend._answers))


def test_what_judges_and_how_is_no_part_of_the_answers(config, backend):
    asked(config, backend)
    sets = tuple(one.model_copy(update={"suites": ("domain", "other")}) for one in config.sets)
    sitting = config.sitting.model_copy(update={"parallel": 3})
    asked(config.model_copy(update={"sets": sets, "sitting": sitting}), backend)
    assert len(backend.prompts) == 5


def test_more_rows_and_more_sets_are_added_to_what_is_there(config, backend, rows_file):
    few = config.sets[0].model_copy(update={"limit": 2})
    first = asked(config.model_copy(update={"sets": (few,)}), backend)
    assert (len(first.items), len(backend.prompts)) == (2, 2)
    asked(config, backend)
    assert len(backend.prompts) == 5
    other = rows_file.with_name("other.jsonl")
    other.write_text(rows_file.read_text())
    more = config.sets[0].model_copy(update={"name": "other", "path": str(other)})
    both = asked(config.model_copy(update={"sets": (*config.sets, more)}), backend)
    assert (len(both.items), len(backend.prompts)) == (10, 10)
    assert sorted(both.run["identity"]["sets"]) == ["other", "own"]
    assert asked(config.model_copy(update={"sets": (few,)}), backend).items == first.items


def test_what_the_model_said_is_judged_by_todays_rules(config, backend, monkeypatch):
    before = {item.id: item for item in asked(config, backend).items}
    assert before["a"].handed_over
    monkeypatch.setattr(answering, "check", lambda command, **_: check("rm -rf /"))
    monkeypatch.setattr(runner, "ruleset_digest", lambda: "1" * 64)
    answers = asked(config, backend)
    after = {item.id: item for item in answers.items}
    assert (after["a"].raw, after["a"].ms) == (before["a"].raw, before["a"].ms)
    assert (after["a"].level, after["a"].refusal) == ("dangerous", "dangerous")
    assert answers.run["identity"]["ruleset_sha256"] == "1" * 64
    assert len(backend.prompts) == 5


def test_a_request_that_never_reached_the_model_is_stopped_again(config, backend, rows_file):
    rows_file.write_text(json.dumps({"id": "x", "nl": "a\0b", "bash": "ls"}) + "\n")
    (item,) = asked(config, backend).items
    (again,) = asked(config, backend).items
    assert (item.refusal, item.finish, backend.prompts) == (again.refusal, "", [])
    assert item.refusal is not None
    lines = (answers_folder(config) / "items.jsonl").read_text().splitlines()
    assert len(lines) == 1


def test_requests_are_under_way_together_and_the_order_is_the_sets(config, backend):
    together = threading.Barrier(3, timeout=10)
    calls = count()

    class Meets(ScriptedBackend):
        def complete(self, request, sampling, cancelled):
            if next(calls) < 3:  # a fourth may come before the first three are written down
                together.wait()
            return super().complete(request, sampling, cancelled)

    sitting = config.sitting.model_copy(update={"parallel": 3})
    answers = asked(config.model_copy(update={"sitting": sitting}), Meets(backend._answers))
    assert [item.id for item in answers.items] == ["a", "b", "c", "d", "e"]


def test_a_record_that_is_damaged_is_said(config, backend):
    asked(config, backend)
    (answers_folder(config) / "run.json").write_text("{")
    with pytest.raises(EvaluationError, match="not readable; remove"):
        asked(config, backend)


def test_a_run_that_is_terminated_keeps_its_answers_and_its_record(config, backend):
    class Terminated(ScriptedBackend):
        def complete(self, request, sampling, cancelled):
            if len(self.prompts) == 2:
                os.kill(os.getpid(), signal.SIGTERM)
                assert wait_for(cancelled)
            return super().complete(request, sampling, cancelled)

    def wait_for(cancelled):
        deadline = time.monotonic() + 20
        while not cancelled() and time.monotonic() < deadline:
            time.sleep(0.01)
        return cancelled()

    with pytest.raises(KeyboardInterrupt):
        asked(config, Terminated(backend._answers))
    run = json.loads((answers_folder(config) / "run.json").read_text())
    assert [one["items"] for one in run["sittings"]] == [2]
    asked(config, backend)
    assert len(backend.prompts) == 3
