"""Appending: concurrent, interrupted, refused by the system; nothing written is ever lost."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli_tuner.errors import JournalError
from cli_tuner.journal import Journal, files
from cli_tuner.journal.chain import append
from cli_tuner.journal.head import head_path, read_head
from cli_tuner.journal.verify import verify
from cli_tuner.records import FeedbackRecord, ProvenanceRecord
from cli_tuner.settings import Paths

WRITER = Path(__file__).with_name("writer.py")


def start_writer(home: Path, *arguments: object, **options) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), str(home), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feedback.jsonl"


def test_eight_processes_write_one_whole_chain(tmp_path):
    writers = [start_writer(tmp_path, 50) for _ in range(8)]
    written = [request_id for writer in writers for request_id in writer.communicate()[0].split()]
    assert all(writer.returncode == 0 for writer in writers)
    journal = Journal(Paths.of({"CLI_TUNER_HOME": str(tmp_path)}))
    for report in journal.verify_all():
        records = 0 if report.path.name == "allowances.jsonl" else 400  # nobody asked
        assert (report.records, report.torn, report.broken) == (records, 0, None)
    kept = journal.entries(ProvenanceRecord, 1000)
    assert {record.request_id for record in kept} == set(written)
    assert len({record.user_hmac for record in kept}) == 1, "they agreed on one key"


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_a_whole_chain(tmp_path):
    written: set[str] = set()
    for attempt in range(12):
        writer = start_writer(tmp_path, 0, 50_000)
        assert writer.stdout is not None
        written.add(writer.stdout.readline().strip())
        time.sleep(0.003 * attempt)
        writer.send_signal(signal.SIGKILL)
        written.update(line.strip() for line in writer.stdout if len(line) == 27)
        writer.wait()
        writer.stdout.close()
    journal = Journal(Paths.of({"CLI_TUNER_HOME": str(tmp_path)}))
    assert [report.broken for report in journal.verify_all()] == [None] * 5
    # Everything that was confirmed is there; one more per kill may be.
    kept = {record.request_id for record in journal.entries(ProvenanceRecord, 1_000_000)}
    assert written <= kept
    assert len(kept - written) <= 12


@pytest.mark.parametrize("keep", [1, 30, -2])
def test_a_torn_last_line_is_kept_and_the_chain_goes_on(path, feedback, keep):
    for number in range(3):
        append(path, feedback(comment=str(number)))
    before = path.read_bytes()
    append(path, feedback(comment="torn"))
    torn = path.read_bytes()[len(before) :]
    # As if killed within the write: a part of the line, and the head of the line before.
    path.write_bytes(before + torn[:keep])
    rewind_head(path, before)
    assert verify(path).torn == 1
    append(path, feedback(comment="next"))
    report = verify(path)
    assert (report.records, report.torn, report.first_torn, report.broken) == (4, 1, 4, None)
    assert path.read_bytes().startswith(before + torn[:keep] + b"\n")


def rewind_head(path: Path, content: bytes) -> None:
    """Give a journal the head it had when it held `content`."""
    from cli_tuner.journal.head import Head, write_head
    from cli_tuner.journal.line import parse_line

    lines = content.splitlines()
    last = parse_line(lines[-1])
    assert last is not None
    write_head(path, Head(count=len(lines), hash=last.hash))


def test_a_line_that_lacks_only_its_newline_is_whole(path, feedback):
    for _ in range(2):
        append(path, feedback())
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert verify(path).is_whole
    append(path, feedback())
    report = verify(path)
    assert (report.records, report.torn, report.broken) == (3, 0, None)


def test_a_crash_between_line_and_head_is_put_right(path, feedback):
    for count in range(1, 4):
        before = path.read_bytes() if path.exists() else b""
        append(path, feedback())
        if before:
            rewind_head(path, before)
        else:
            head_path(path).unlink()
        assert verify(path).is_whole
        append(path, feedback())
        assert verify(path).is_whole
        assert read_head(path).count == verify(path).records == 2 * count


def test_garbage_at_the_end_is_passed_over(path, feedback):
    append(path, feedback())
    with path.open("ab") as file:
        file.write(b"\0" * 300_000 + b"\n\n\xff\xfe")
    append(path, feedback())
    report = verify(path)
    assert (report.records, report.torn, report.broken) == (2, 3, None)


def test_an_unfinished_line_longer_than_any_record_is_passed_over(path, feedback):
    append(path, feedback())
    with path.open("ab") as file:
        file.write(b"{" * 9_000_000)
    append(path, feedback())
    report = verify(path)
    assert (report.records, report.torn, report.broken) == (2, 1, None)


def test_a_lost_head_is_made_anew(path, feedback):
    for _ in range(3):
        append(path, feedback())
    head_path(path).write_text("not a head")
    append(path, feedback())
    assert read_head(path).count == 4
    assert verify(path).is_whole


def test_a_record_too_long_to_read_back_is_refused(path, provenance):
    append(path, provenance())
    before = path.read_bytes()
    with pytest.raises(JournalError, match="too long"):
        append(path, provenance(command="x" * 4_200_000))
    assert path.read_bytes() == before


def test_a_short_write_leaves_the_file_as_it_was(path, feedback):
    """A real one: the kernel stops a write at the limit on the size of files."""
    for _ in range(5):
        append(path, feedback())
    before = path.read_bytes()
    script = (
        "import resource, sys; from cli_tuner.journal.chain import append;"
        "from cli_tuner.records import FeedbackRecord; from pathlib import Path;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2);"
        "append(Path(sys.argv[1]), FeedbackRecord.model_validate_json(sys.argv[3]))"
    )
    for room in (0, 1, 50):
        command = [sys.executable, "-c", script, str(path), str(len(before) + room)]
        ended = subprocess.run(
            [*command, feedback().model_dump_json()], capture_output=True, text=True, check=False
        )
        assert ended.returncode == 1
        assert f"JournalError: cannot write {path}" in ended.stderr
        assert path.read_bytes() == before
    append(path, feedback())
    assert verify(path).records == 6
    assert verify(path).is_whole


FULL_DISK = """
import subprocess, sys
from pathlib import Path
folder = Path(sys.argv[1])
mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
if subprocess.run(mount, capture_output=True).returncode:
    sys.exit(77)
from cli_tuner.errors import JournalError
from cli_tuner.journal.chain import append
from cli_tuner.journal.verify import verify
from cli_tuner.records import FeedbackRecord
path, record = folder / "feedback.jsonl", FeedbackRecord.model_validate_json(sys.argv[2])
for count in range(10_000):
    before = path.read_bytes() if path.exists() else b""
    try:
        append(path, record)
    except JournalError as error:
        assert "No space left on device" in str(error) and str(path) in str(error), error
        assert "make room" in str(error)
        break
assert count > 20, count
assert path.read_bytes() == before
assert verify(path).is_whole and verify(path).records == count
subprocess.run(["mount", "-o", "remount,size=1m", str(folder)], check=True)
append(path, record)
assert verify(path).is_whole and verify(path).records == count + 1
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a tmpfs")
def test_a_full_disk_loses_nothing_and_writing_goes_on_when_there_is_room(tmp_path, feedback):
    said = feedback(comment="x" * 1000).model_dump_json()
    python = [sys.executable, "-c", FULL_DISK, str(tmp_path), said]
    try:  # in a mount namespace of its own, so that nothing outside sees the small disk
        ended = subprocess.run(
            ["unshare", "--mount", *python], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if ended.returncode == 77 or "unshare" in ended.stderr:
        pytest.skip("this user may not mount a small disk")
    assert ended.returncode == 0, ended.stderr


def test_a_head_that_cannot_be_written_takes_the_line_back(path, feedback):
    append(path, feedback())
    before = path.read_bytes()
    kept = head_path(path).read_bytes()
    head_path(path).unlink()
    head_path(path).mkdir()
    with pytest.raises(JournalError, match=r"feedback\.jsonl"):
        append(path, feedback())
    assert path.read_bytes() == before
    head_path(path).rmdir()
    head_path(path).write_bytes(kept)
    append(path, feedback())
    assert verify(path).records == 2


def test_a_lock_that_nobody_gives_back_is_an_error(path, feedback, monkeypatch):
    append(path, feedback())
    monkeypatch.setattr(files, "LOCK_TIMEOUT_S", 0.05)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(JournalError, match="locked by another process"):
            append(path, feedback())
    append(path, feedback())
    assert verify(path).records == 2


def test_threads_of_one_process_do_not_fork_the_chain(tmp_path, feedback):
    from concurrent.futures import ThreadPoolExecutor

    journal = Journal(Paths.of({"CLI_TUNER_HOME": str(tmp_path)}))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: journal.feedback(feedback(comment=str(number))), range(80)))
    report = verify(journal.path(FeedbackRecord))
    assert (report.records, report.broken) == (80, None)


def test_an_append_to_100_mb_takes_less_than_2_ms(path, feedback):
    append(path, feedback())
    content = path.read_bytes()
    with path.open("wb") as file:  # a hole, then the end of a journal
        file.seek(100_000_000)
        file.write(b"\n" + content)
    spent_ms = []
    for _ in range(40):
        record = feedback()
        start = time.perf_counter()
        append(path, record)
        spent_ms.append((time.perf_counter() - start) * 1000)
    assert sorted(spent_ms)[len(spent_ms) // 4] < 2


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_an_append_closes_every_file_also_when_it_fails(path, feedback, provenance):
    append(path, feedback())
    before = len(list(Path("/proc/self/fd").iterdir()))
    append(path, feedback())
    with pytest.raises(JournalError):
        append(path, provenance(command="x" * 4_200_000))
    with pytest.raises(JournalError):
        append(path.parent, feedback())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
