"""The tasks keep what their README promises."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from cli_tuner.data.generate import pairs
from cli_tuner.data.generate.grammar import Choice, Sequence, Slot, Text
from cli_tuner.data.generate.intent import Intent, Switch, intents
from cli_tuner.data.overlap import Overlap
from cli_tuner.evaluate.execution.check import Checker
from cli_tuner.evaluate.execution.task import Task, read_tasks
from cli_tuner.guard import check as judged
from cli_tuner.records import Level
from cli_tuner.shell.template import utilities_of

FOLDER = Path(__file__).parents[3] / "benchmarks" / "nl2bash_exec"
TASKS = read_tasks(FOLDER / "tasks")
AREAS = sorted({task.area for task in TASKS})
LEAKS = 0.8
"""Jaccard of words from which two requests are near duplicates, as in docs/DATA.md."""


def test_there_are_enough_tasks_programs_and_both_halves():
    programs = {name for task in TASKS for name in utilities_of(task.references[0])}
    halves = Counter(task.half for task in TASKS)
    assert len(TASKS) >= 300
    assert len(programs) >= 60
    assert min(halves.values()) >= 150


def test_the_rows_are_those_of_the_tasks():
    for half in ("dev", "test"):
        text = (FOLDER / f"{half}.jsonl").read_text(encoding="utf-8")
        rows = [json.loads(line) for line in text.splitlines()]
        assert [Task.of_row(row) for row in rows] == [task for task in TASKS if task.half == half]


def test_every_request_is_one_that_the_product_takes():
    for task in TASKS:
        assert 3 <= len(task.query) <= 500, task.id
        assert len(task.wrong) >= 2, task.id
    asked = [task.query.casefold() for task in TASKS]
    assert len(set(asked)) == len(asked)


def test_no_request_of_one_half_is_nearly_one_of_the_other():
    test = [task for task in TASKS if task.half == "test"]
    index = Overlap([task.query for task in test], 0.7)
    near = [task.id for task in TASKS if task.half == "dev" and list(index.like(task.query))]
    assert near == []


def test_references_are_nothing_that_the_guard_forbids():
    forbidden = [
        (task.id, reference)
        for task in TASKS
        for reference in task.references
        if judged(reference).level is Level.DANGEROUS
    ]
    assert forbidden == []


def test_no_generated_request_is_nearly_one_of_these():
    index = Overlap([task.query for task in TASKS], LEAKS)
    near = [
        (pair.query, TASKS[number].query)
        for pair in pairs(seed=1, count=12_000)
        for number, _ in index.like(pair.query)
    ]
    assert near == []


VALUE = r"\S+(?: \S+)?"
"""Any value: one word or two. Longer ones would make every sentence a phrase."""


def pattern(nodes: Sequence, intent: Intent, *, inner: bool = False) -> str:
    """All that a phrase can say, whatever the values, as a regular expression."""
    parts = []
    for node in nodes:
        if isinstance(node, Text):
            words = [word for word in re.split(r"(\s+)", node.text) if word]
            parts += [re.escape(word) if word.strip() else r"\s*" for word in words]
        elif isinstance(node, Choice):
            options = [pattern(each, intent, inner=inner) for each in node.options]
            parts.append(f"(?:{'|'.join(options)})")
        elif isinstance(node, Slot):
            kind = intent.slots[node.name]
            ways = [VALUE]
            if isinstance(kind, Switch) and not inner:  # an option may have a slot of its own name
                ways = [pattern(said, intent, inner=True) for said, _ in kind.options]
            parts.append(f"(?:{'|'.join(ways)})")
    return "".join(parts)


@pytest.mark.slow
def test_no_phrase_of_the_generator_makes_one_of_these_requests():
    asked = [(task.id, task.query.rstrip(".?!")) for task in TASKS]
    made = []
    for intent in intents():
        for phrase in intent.say:
            said = re.sub(r"(?:\\[.?!])+$", "", pattern(phrase, intent))
            wanted = re.compile(rf"\s*{said}", re.IGNORECASE)
            made += [(name, intent.id) for name, query in asked if wanted.fullmatch(query)]
    assert made == []


def problems(task: Task) -> list[str]:
    """What does not hold of the task; a program that is not here is no problem."""
    checker = Checker(task)
    found = []
    for command in task.references:
        judgement = checker.check(command)
        if judgement.answer == "different":
            found.append(f"{task.id}: {command} should pass: {judgement.reason}")
    for command in ("true", *task.wrong):
        judgement = checker.check(command)
        if judgement.answer != "different":
            found.append(f"{task.id}: {command} should fail")
    return found


@pytest.mark.usefixtures("isolated")
@pytest.mark.parametrize("area", AREAS)
def test_one_task_of_each_area_is_met_by_its_references_only(area):
    assert problems(next(task for task in TASKS if task.area == area)) == []


@pytest.mark.exhaustive
@pytest.mark.usefixtures("isolated")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("area", AREAS)
def test_every_task_is_met_by_its_references_and_not_by_wrong_candidates(area):
    assert [each for task in TASKS if task.area == area for each in problems(task)] == []


@pytest.mark.usefixtures("isolated")
def test_a_program_that_is_not_here_leaves_a_task_undecided():
    task = next(task for task in TASKS if task.id == "search-payment-users")
    assert Checker(task).check("zypper packages").answer == "undecidable"
    assert Checker(task).check("no-such-program shop.log").answer == "different"
    assert Checker(task).check(None).answer == "different"
