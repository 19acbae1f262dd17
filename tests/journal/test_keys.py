"""The key: one for all processes, open to nobody else, shown nowhere."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest

from cli_tuner.errors import JournalError
from cli_tuner.journal import Journal
from cli_tuner.journal.keys import KEY_NAME, Key, load_key


def test_the_key_is_made_once_and_is_private(tmp_path):
    state = tmp_path / "state"
    assert load_key(state) == load_key(state)
    path = state / KEY_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32
    assert [entry.name for entry in state.iterdir()] == [KEY_NAME]


def test_ten_processes_agree_on_one_key(tmp_path):
    script = (
        "import sys; from pathlib import Path; from cli_tuner.journal.keys import load_key;"
        "print(load_key(Path(sys.argv[1])).query_hmac('x'))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "state")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(10)]
    digests = {process.communicate()[0] for process in started}
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


def test_the_same_query_has_the_same_digest_and_another_one_another():
    key, other = Key(b"k" * 32), Key(b"o" * 32)
    assert key.query_hmac("list files") == key.query_hmac("list files")
    assert key.query_hmac("list files") != key.query_hmac("List files")
    assert key.query_hmac("list files") != other.query_hmac("list files")


def test_a_query_cannot_have_the_digest_of_a_user():
    import os

    key = Key(b"k" * 32)
    assert key.query_hmac(str(os.getuid())) != key.user_hmac()


@pytest.mark.parametrize("text", ["", "\ud800", "\0", "x" * 1_000_000, "🙂"])
def test_any_text_has_a_digest_even_one_that_ingress_refuses(text):
    assert len(Key(b"k" * 32).query_hmac(text)) == 64


def test_the_key_shows_in_no_representation(tmp_path):
    key = load_key(tmp_path)
    assert repr(key) == "Key()"
    assert key.secret.hex() not in str(key)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_open_to_others_is_refused_with_the_way_out(tmp_path, mode):
    load_key(tmp_path)
    path = tmp_path / KEY_NAME
    path.chmod(mode)
    with pytest.raises(JournalError, match=f"open to other users.*chmod 600 {path}"):
        load_key(tmp_path)
    path.chmod(0o600)
    load_key(tmp_path)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_key_of_another_size_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / KEY_NAME
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(JournalError, match=f"{len(content)} bytes instead of 32.*delete it"):
        load_key(tmp_path)
    assert path.read_bytes() == content


def test_a_draft_left_by_a_crash_does_not_matter(tmp_path):
    (tmp_path / "journal.new").write_bytes(b"half")
    load_key(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [KEY_NAME]


def test_a_key_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"x" * 32)
    (tmp_path / KEY_NAME).symlink_to("elsewhere")
    with pytest.raises(JournalError, match=KEY_NAME):
        load_key(tmp_path)


def test_the_journal_asks_for_the_key_once(paths):
    journal = Journal(paths)
    first = journal.user_hmac()
    (paths.state / KEY_NAME).unlink()
    assert journal.user_hmac() == first
    assert Journal(paths).user_hmac() != first
