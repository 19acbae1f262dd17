"""The front door: what is recorded is found again, and nothing else is kept."""

from __future__ import annotations

import json
import stat
import statistics
import time
from pathlib import Path

import pytest

from cli_tuner.errors import JournalError, UsageError
from cli_tuner.journal import Journal
from cli_tuner.records import (
    FeedbackRecord,
    PerformanceRecord,
    ProvenanceRecord,
    ValidationErrorRecord,
)
from cli_tuner.settings import Paths

QUERY = "find files bigger than 100MB here"


def every_byte_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_is_recorded_comes_back_equal(journal, provenance, performance):
    kept, measured = provenance(), performance()
    journal.record(kept, measured)
    assert journal.find() == kept
    assert journal.entries(ProvenanceRecord, 5) == (kept,)
    assert journal.entries(PerformanceRecord, 5) == (measured,)
    assert journal.entries(ValidationErrorRecord, 5) == ()


def test_a_refusal_is_also_kept_as_feedback(journal, provenance, performance, validation_error):
    kept, refused = provenance(), validation_error()
    journal.record(kept, performance(), refused)
    assert journal.entries(ValidationErrorRecord, 5) == (refused,)
    (said,) = journal.entries(FeedbackRecord, 5)
    assert (said.kind, said.request_id, said.user_hmac) == (
        "validation_error",
        refused.request_id,
        kept.user_hmac,
    )
    assert said.comment == "dangerous at validation by CT-DEL-001"


def test_what_a_person_said_is_kept(journal, feedback):
    said = feedback(correction="find . -type f -size +100M")
    journal.feedback(said)
    assert journal.entries(FeedbackRecord, 1) == (said,)


def test_the_files_are_where_the_documentation_says(
    paths, journal, provenance, performance, validation_error
):
    journal.record(provenance(), performance(), validation_error())
    monitoring = paths.state / "monitoring"
    assert {str(path.relative_to(monitoring)) for path in monitoring.rglob("*.jsonl")} == {
        "logs/provenance.jsonl",
        "metrics/performance.jsonl",
        "logs/validation_errors.jsonl",
        "feedback.jsonl",
    }


def test_every_line_is_one_json_object_with_the_records_own_fields(
    journal, provenance, performance
):
    kept = provenance(query="zeig mir große Dateien \u202e")
    journal.record(kept, performance())
    (line,) = journal.path(ProvenanceRecord).read_bytes().splitlines()
    fields = json.loads(line)
    assert fields.pop("prev") == "0" * 64
    assert len(fields.pop("hash")) == 64
    assert ProvenanceRecord.model_validate_json(json.dumps(fields)) == kept
    assert line.isascii()


def test_files_are_0600_and_folders_0700(paths, journal, provenance, performance, validation_error):
    journal.user_hmac()
    journal.record(provenance(), performance(), validation_error())
    for path in (paths.state, *paths.state.rglob("*")):
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_a_file_that_somebody_opened_to_others_is_closed_again(journal, provenance, performance):
    journal.record(provenance(), performance())
    path = journal.path(ProvenanceRecord)
    path.chmod(0o644)
    journal.record(provenance(), performance())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_raw_query_is_in_no_file_by_default(
    paths, journal, provenance, performance, validation_error
):
    journal.record(
        provenance(user_hmac=journal.user_hmac(), query_hmac=journal.query_hmac(QUERY)),
        performance(),
        validation_error(),
    )
    content = every_byte_below(paths.state)
    assert QUERY.encode() not in content
    assert b"bigger" not in content


def test_the_raw_query_is_kept_when_the_user_opted_in(paths, journal, provenance, performance):
    journal.record(provenance(query=QUERY), performance())
    assert QUERY.encode() in every_byte_below(paths.state)
    assert journal.find().query == QUERY


def test_nothing_is_found_where_nothing_was_written(paths, journal):
    assert journal.find() is None
    assert journal.find("ABCDEF") is None
    assert journal.entries(FeedbackRecord, 3) == ()
    assert not paths.state.exists()


def test_an_answer_is_found_by_its_id_or_the_end_of_it(journal, provenance, performance):
    kept = [provenance() for _ in range(30)]
    for record in kept:
        journal.record(record, performance())
    assert journal.find() == kept[-1]
    for record in kept[::7]:
        assert journal.find(record.request_id) == record
        assert journal.find(record.request_id[-6:]) == record
        assert journal.find(f" {record.request_id[-8:].lower()} ") == record
    assert journal.find("0" * 26) is None


def test_an_ambiguous_end_of_an_id_asks_for_more(journal, provenance, performance):
    for head in "AB":
        journal.record(provenance(request_id=f"01JD7K{head * 14}PQRSTV"), performance())
    with pytest.raises(UsageError, match="give more characters"):
        journal.find("PQRSTV")
    assert journal.find("APQRSTV").request_id.startswith("01JD7KA")


def test_the_same_id_twice_is_not_ambiguous(journal, provenance, performance):
    for command in ("pwd", "ls"):
        kept = provenance(request_id="01JD7KAAAAAAAAAAAAAAPQRSTV", command=command)
        journal.record(kept, performance())
    assert journal.find("PQRSTV").command == "ls"


def test_an_end_of_an_id_is_looked_for_in_ids_alone(journal, provenance, performance):
    kept = provenance(request_id="01JD7KAAAAAAAAAAAAAAPQRSTV", signals=("XXXX", "XXXX"))
    journal.record(kept, performance())
    assert journal.find("XXXX") is None


@pytest.mark.parametrize("wrong", ["", "ABC", "AB/DE", "ÄÖÜßé", "A" * 27, "..."])
def test_what_is_no_id_is_a_usage_error(journal, wrong):
    with pytest.raises(UsageError, match="is not an id"):
        journal.find(wrong)


def test_entries_come_newest_first_and_no_more_than_asked_for(journal, feedback):
    said = [feedback(comment=str(number)) for number in range(200)]
    for record in said:
        journal.feedback(record)
    assert journal.entries(FeedbackRecord, 3) == (said[199], said[198], said[197])
    assert journal.entries(FeedbackRecord, 0) == ()
    assert journal.entries(FeedbackRecord, 500) == tuple(reversed(said))


def test_a_changed_record_is_not_handed_out(journal, provenance, performance):
    journal.record(provenance(), performance())
    path = journal.path(ProvenanceRecord)
    path.write_bytes(path.read_bytes().replace(b"+100M", b"+900M"))
    with pytest.raises(JournalError, match="was changed"):
        journal.find()


def test_a_home_that_cannot_be_written_says_so_and_names_the_way_out(
    tmp_path, provenance, performance
):
    # A file where a folder should be stops root too, which a mode does not.
    (tmp_path / "file").write_text("")
    journal = Journal(Paths.of({"CLI_TUNER_HOME": str(tmp_path / "file" / "home")}))
    with pytest.raises(JournalError, match=r"file/home.*CLI_TUNER_HOME"):
        journal.record(provenance(), performance())
    with pytest.raises(JournalError, match=r"file/home.*CLI_TUNER_HOME"):
        journal.user_hmac()


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("/dev/null")])
def test_something_else_in_the_journals_place_is_an_error(journal, provenance, performance, make):
    journal.record(provenance(), performance())
    path = journal.path(ProvenanceRecord)
    path.unlink()
    make(path)
    with pytest.raises(JournalError, match=r"provenance\.jsonl"):
        journal.record(provenance(), performance())


def test_a_folder_moved_away_meanwhile_is_made_again(paths, journal, provenance, performance):
    journal.record(provenance(), performance())
    (paths.state / "monitoring").rename(paths.state / "old")
    kept = provenance()
    journal.record(kept, performance())
    assert journal.entries(ProvenanceRecord, 5) == (kept,)
    assert all(report.is_whole for report in journal.verify_all())


def test_every_journal_is_verified(journal, provenance, performance, validation_error):
    for _ in range(3):
        journal.record(provenance(), performance(), validation_error())
    reports = journal.verify_all()
    assert [report.records for report in reports] == [3, 3, 3, 3, 0]
    assert all(report.is_whole for report in reports)


def test_journalling_one_request_takes_less_than_5_ms(journal, provenance, performance):
    spent_ms = []
    for _ in range(60):
        kept, measured = provenance(), performance()
        start = time.perf_counter()
        journal.record(kept, measured)
        spent_ms.append((time.perf_counter() - start) * 1000)
    assert statistics.median(spent_ms) < 5
