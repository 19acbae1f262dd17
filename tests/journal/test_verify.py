"""What was done to a journal is found, and named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli_tuner.errors import JournalError
from cli_tuner.journal import BreakKind
from cli_tuner.journal.chain import append
from cli_tuner.journal.head import head_path
from cli_tuner.journal.line import parse_line, sealed
from cli_tuner.journal.verify import verify

RECORDS = 10


@pytest.fixture
def path(tmp_path: Path, feedback) -> Path:
    """A journal of ten records."""
    path = tmp_path / "feedback.jsonl"
    for number in range(RECORDS):
        append(path, feedback(comment=f"number {number}"))
    return path


@pytest.fixture
def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def write(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines))


def broken(path: Path) -> tuple[int, str]:
    found = verify(path).broken
    assert found is not None
    return found.line, found.kind


def test_an_untouched_journal_is_whole(path):
    report = verify(path)
    assert report.is_whole
    assert (report.records, report.torn) == (RECORDS, 0)
    assert str(report) == f"{path}: 10 records, chain whole"


def test_a_journal_that_does_not_exist_is_whole_and_empty(tmp_path):
    report = verify(tmp_path / "nothing.jsonl")
    assert report.is_whole
    assert report.records == 0


@pytest.mark.parametrize("number", [1, 5, RECORDS])
def test_an_edited_record_is_found(path, lines, number):
    lines[number - 1] = lines[number - 1].replace(b"number", b"Number")
    write(path, lines)
    assert broken(path) == (number, BreakKind.EDITED)
    assert f"edited at line {number}" in str(verify(path))


@pytest.mark.parametrize("number", [1, 5, RECORDS])
def test_every_changed_byte_of_a_line_is_found(path, lines, number):
    original = lines[number - 1]
    for position in range(0, len(original) - 1, 7):
        changed = bytearray(original)
        changed[position] ^= 1
        lines[number - 1] = bytes(changed)
        write(path, lines)
        assert broken(path) == (number, BreakKind.EDITED), position


def test_a_line_written_again_in_another_spelling_is_edited(path, lines):
    lines[2] = lines[2].replace(b'":', b'": ', 1)
    write(path, lines)
    assert broken(path) == (3, BreakKind.EDITED)


@pytest.mark.parametrize("number", [1, 5, RECORDS - 1])
def test_a_removed_record_is_found(path, lines, number):
    del lines[number - 1]
    write(path, lines)
    assert broken(path) == (number, BreakKind.REMOVED)


def test_a_record_replaced_by_one_with_a_hash_of_its_own_is_found(path, lines, feedback):
    before = parse_line(lines[3].rstrip(b"\n"))
    lines[4], _ = sealed(feedback(comment="forged"), before.hash)
    write(path, lines)
    assert broken(path) == (6, BreakKind.REMOVED)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (4, 5), (2, 8), (8, 9)])
def test_reordered_records_are_found(path, lines, one, other):
    lines[one], lines[other] = lines[other], lines[one]
    write(path, lines)
    assert broken(path) == (one + 1, BreakKind.REORDERED)


@pytest.mark.parametrize(("origin", "target"), [(2, 7), (7, 2), (9, 0), (0, 8)])
def test_a_moved_record_is_found(path, lines, origin, target):
    lines.insert(target, lines.pop(origin))
    write(path, lines)
    assert broken(path) == (min(origin, target) + 1, BreakKind.REORDERED)


@pytest.mark.parametrize("target", [1, 5])
def test_an_inserted_copy_is_found(path, lines, target):
    lines.insert(target, lines[target - 1])
    write(path, lines)
    assert broken(path) == (target + 1, BreakKind.INSERTED)


def test_a_copy_of_an_old_record_further_down_is_found(path, lines):
    lines.insert(7, lines[2])
    write(path, lines)
    assert broken(path) == (8, BreakKind.INSERTED)


@pytest.mark.parametrize("number", [1, 2, 6])
def test_an_inserted_record_that_is_chained_to_the_one_before_is_found(
    path, lines, feedback, number
):
    before = parse_line(lines[number - 2].rstrip(b"\n")) if number > 1 else None
    forged, _ = sealed(feedback(comment="forged"), before.hash if before else "0" * 64)
    lines.insert(number - 1, forged)
    write(path, lines)
    assert broken(path) == (number, BreakKind.INSERTED)


@pytest.mark.parametrize("left", [0, 1, RECORDS - 1])
def test_a_shortened_journal_is_found(path, lines, left):
    write(path, lines[:left])
    assert broken(path) == (left, BreakKind.SHORTENED)
    assert f"{RECORDS - left} of {RECORDS} records are missing" in str(verify(path))


def test_a_deleted_journal_is_found(path):
    path.unlink()
    assert broken(path) == (0, BreakKind.SHORTENED)


def test_a_journal_cut_within_its_last_line_is_found(path, lines):
    write(path, [*lines[:-1], lines[-1][:40]])
    assert broken(path) == (RECORDS, BreakKind.EDITED)


@pytest.mark.parametrize("left", [0, 1, RECORDS - 1, RECORDS - 2])
def test_writing_on_does_not_hide_that_a_journal_was_shortened(path, lines, feedback, left):
    write(path, lines[:left])
    for _ in range(3):
        append(path, feedback())
    assert broken(path) == (left + 1, BreakKind.REMOVED)


def test_the_last_record_replaced_by_another_is_found(path, lines, feedback):
    before = parse_line(lines[-2].rstrip(b"\n"))
    lines[-1], _ = sealed(feedback(comment="forged"), before.hash)
    write(path, lines)
    assert broken(path) == (RECORDS, BreakKind.EDITED)


def test_records_added_past_the_head_are_found(path, lines, feedback):
    last = parse_line(lines[-1].rstrip(b"\n"))
    first, own = sealed(feedback(), last.hash)
    second, _ = sealed(feedback(), own)
    write(path, [*lines, first, second])
    assert broken(path) == (RECORDS + 2, BreakKind.INSERTED)


def test_a_missing_head_is_reported(path):
    head_path(path).unlink()
    assert broken(path) == (RECORDS, BreakKind.HEAD_LOST)


def test_an_unreadable_line_in_the_middle_is_an_edit_not_a_crash(path, lines):
    lines[4] = lines[4][:50] + b"\n"
    write(path, lines)
    assert broken(path) == (5, BreakKind.EDITED)


def test_the_rest_is_counted_behind_a_break(path, lines):
    lines[2] = lines[2].replace(b"number", b"Number")
    write(path, lines)
    assert verify(path).records == RECORDS


def test_what_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot read"):
        verify(tmp_path / "file" / "feedback.jsonl")


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150
)
@given(order=st.lists(st.integers(min_value=0, max_value=RECORDS - 1), max_size=RECORDS + 3))
def test_any_other_selection_or_order_of_the_lines_is_found(path, order):
    written = path.with_name("written.jsonl")
    lines = (written if written.exists() else path).read_bytes().splitlines(keepends=True)
    written.write_bytes(b"".join(lines))
    write(path, [lines[index] for index in order])
    assert verify(path).is_whole is (order == list(range(RECORDS)))
