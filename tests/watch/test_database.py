"""The journal through DuckDB is the journal: every whole record, and none that was changed."""

import os
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from tests.watch.conftest import NOW

from cli_tuner.errors import ExtraMissing, JournalError
from cli_tuner.journal import Journal
from cli_tuner.journal.line import LINE_MAX
from cli_tuner.records import FeedbackRecord, PerformanceRecord, ProvenanceRecord, RefusalCode
from cli_tuner.settings import Paths
from cli_tuner.watch.database import BOUNDARIES, Database
from cli_tuner.watch.numbers import numbers

WEEK = timedelta(days=7)
SOON = NOW + timedelta(hours=1)
COMMANDS = ("ls -la", "rm -rf /", "sudo apt-get install jq", "printf '\\n\"é\" | %s' x", None)


def read(journal, since=SOON - WEEK, until=SOON):
    return numbers(journal, since, until)


def change(path, old, new, *, line=-1):
    lines = path.read_bytes().splitlines(keepends=True)
    assert old in lines[line]
    lines[line] = lines[line].replace(old, new)
    path.write_bytes(b"".join(lines))


def test_it_counts_what_the_journal_itself_gives(journal, answered, reported):
    """Reading record by record is the reference."""
    chance = random.Random(1)
    for _ in range(60):
        command = chance.choice(COMMANDS)
        refusal = RefusalCode.TEMPLATE_TOKEN if command is None else None
        said = {"ms": chance.uniform(1, 3_000), "logprob": chance.uniform(-2, 0)}
        request_id = answered(command, days_ago=chance.uniform(0, 12), refusal=refusal, **said)
        if chance.random() < 0.3:
            reported(request_id, chance.choice(("wrong", "unsafe", "other")))
    found, since = read(journal), SOON - WEEK
    performance = [one for one in journal.entries(PerformanceRecord, 99) if one.timestamp >= since]
    provenance = [one for one in journal.entries(ProvenanceRecord, 99) if one.timestamp >= since]
    feedback = [one for one in journal.entries(FeedbackRecord, 99) if one.timestamp >= since]
    assert 20 < found.requests == len(performance) < 60
    assert found.passed.count == sum(one.valid for one in performance)
    for day, made in found.days.items():
        of_day = [one for one in performance if one.timestamp.date() == day]
        assert made.answered + made.refused == len(of_day)
        total = [one.latency.total_ms for one in of_day]
        assert sorted(made.latencies_ms) == pytest.approx(sorted(total))
    for name in BOUNDARIES:
        spent = [getattr(one.latency, f"{name}_ms") for one in performance]
        assert sorted(found.boundary_ms[name]) == sorted(spent)
    assert len(found.confidences) == len(performance)
    assert found.completion_tokens == sum(one.completion_tokens for one in performance)
    assert found.prompt_tokens == []
    assert found.models == Counter(one.model for one in performance)
    assert found.levels == Counter(one.level.value for one in provenance if one.level)
    assert found.refusals == Counter(one.refusal.value for one in provenance if one.refusal)
    assert found.rules == Counter(rule for one in provenance for rule in set(one.rule_ids))
    assert found.callers == Counter(one.caller.value for one in provenance)
    assert found.people == {one.user_hmac for one in provenance}
    assert found.signals == 0
    assert found.feedback == Counter(one.kind for one in feedback if one.kind != "validation_error")


def test_a_period_ends_before_its_last_moment(journal, answered):
    answered("ls", days_ago=1)
    moment = NOW - timedelta(days=1)
    second = timedelta(seconds=1)
    assert read(journal, moment, moment + second).requests == 1
    assert read(journal, moment - second, moment).requests == 0


@pytest.mark.parametrize(
    "rubbish",
    [
        b'{"caller":"cli","timesta',
        b"\xff\xfe\x00\r not a record\n\n",
        b'"unclosed, \t | ; \x01\n',
        b"x" * (LINE_MAX + 10) + b"\n",
    ],
    ids=["half a line", "no text", "a quote", "overlong"],
)
def test_what_is_no_whole_record_is_passed_over(journal, answered, rubbish):
    answered("ls")
    for kind in (PerformanceRecord, ProvenanceRecord):
        path = journal.path(kind)
        whole = path.read_bytes()
        path.write_bytes(rubbish.rstrip(b"\n") + b"\n" + whole + rubbish)
    found = read(journal)
    assert (found.requests, found.levels) == (1, {"safe": 1})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"valid":true', b'"valid":false'),
        (b'"model":"fast"', b'"model":"f\xc3\xa4st"'),
        (b'"timestamp":"2026', b'"timestamp":"2020'),
        (b'"timestamp":"2026', b'"timestamp":"then'),
    ],
)
def test_a_record_that_was_changed_is_found_and_not_counted(journal, answered, old, new):
    answered("ls", days_ago=2)
    answered("ls", days_ago=1)
    change(journal.path(PerformanceRecord), old, new)
    with pytest.raises(JournalError, match=r"performance\.jsonl: a record was changed"):
        read(journal)


def test_what_was_changed_long_ago_does_not_end_all_reports(journal, answered):
    """`doctor` and the report's last table say it."""
    answered("ls", days_ago=30)
    answered("ls", days_ago=1)
    change(journal.path(PerformanceRecord), b'"valid":true', b'"valid":false', line=0)
    assert read(journal).requests == 1
    assert [chain.path.stem for chain in journal.verify_all() if chain.broken] == ["performance"]


def test_a_record_of_another_version_is_said_to_be_one(journal, answered, monkeypatch):
    from cli_tuner.journal import line

    def older(record):
        return canonical(record).replace(b'"caller":"http",', b"")

    canonical = line.canonical
    monkeypatch.setattr(line, "canonical", older)
    answered("ls")
    with pytest.raises(JournalError, match="another version"):
        read(journal)


def test_a_folder_may_have_any_name(tmp_path, answered, journal):
    answered("ls")
    for name in ("a[b]*c?", "a b'c\"$d", "ab-c"):
        home = tmp_path / name
        home.mkdir()
        moved = Journal(Paths.of({"CLI_TUNER_HOME": str(home)}))
        assert read(moved).requests == 0
        path = moved.path(PerformanceRecord)
        path.parent.mkdir(parents=True)
        path.write_bytes(journal.path(PerformanceRecord).read_bytes())
        assert read(moved).requests == 1


def test_a_link_in_the_place_of_a_file_is_not_followed(journal, answered, tmp_path):
    answered("ls")
    path = journal.path(PerformanceRecord)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="cannot read"):
        read(journal)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(JournalError, match="not a regular file"):
        read(journal)


def test_nothing_is_written_beside_the_journal(journal, answered, tmp_path, monkeypatch):
    answered("ls")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    with Database(journal, datetime(2026, 1, 1, tzinfo=UTC), SOON) as database:
        assert database.rows("SELECT count(*), max(timestamp) FROM performance") == [
            (1, NOW.replace(tzinfo=None))
        ]
        assert {name for (name,) in database.rows("SHOW TABLES")} == {
            "lines", "performance", "provenance", "feedback",
        }  # fmt: skip
        columns = {row[0] for row in database.rows("DESCRIBE provenance")}
    assert not {"query", "command"} & columns
    assert list(empty.iterdir()) == []


def test_without_duckdb_the_program_says_what_to_install(monkeypatch, capsys, tmp_path):
    from cli_tuner.cli.main import main

    monkeypatch.setenv("CLI_TUNER_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ExtraMissing):
        read(Journal(Paths.of()))
    for action in ("report", "drift"):
        assert main(["watch", action]) == 3
        said = capsys.readouterr().err
        assert "the watch stage needs the package duckdb" in said
        assert "pip install 'cli-tuner[watch]'" in said
