"""The key file: nothing in it opens a door, and nobody else reads it."""

import threading

import pytest

from cli_tuner.cli import operating
from cli_tuner.cli.parser import build_parser
from cli_tuner.errors import ConfigError, UsageError
from cli_tuner.service.keys import CHECK_RATE, RATE, SCOPES, KeyStore


def test_the_command_line_offers_what_there_is():
    given = build_parser().parse_args(["keys", "create", "alice"])
    assert (given.rate, given.check_rate) == (RATE, CHECK_RATE)
    assert operating.SCOPES == SCOPES


@pytest.fixture
def store(paths):
    return KeyStore(paths)


def test_a_key_is_kept_as_a_digest_in_a_private_file(store):
    key, text = store.create("alice", ("generate", "check"))
    assert text.startswith(f"ctk_{key.id}_")
    assert text not in store.path.read_text()
    assert text.rpartition("_")[2] not in store.path.read_text()
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert store.holder(text) == key


def test_two_keys_have_nothing_in_common(store):
    (one, first), (two, second) = store.create("a", ("check",)), store.create("b", ("check",))
    assert first != second
    assert store.holder(first) == one
    assert store.holder(first.replace(one.id, two.id)) is None


@pytest.mark.parametrize("text", ["", "ctk_", "ctk_00000000_" + "A" * 43, "x" * 10_000, "\ud800"])
def test_any_other_text_is_nobodys(store, text):
    store.create("alice", ("check",))
    assert store.holder(text) is None


def test_revoking_by_name_or_id_keeps_the_entry(store):
    key, text = store.create("alice", ("check",))
    assert store.revoke("alice").is_revoked
    assert store.holder(text) is None
    assert [other.id for other in store.all()] == [key.id]
    with pytest.raises(UsageError, match="there is no key"):
        store.revoke(key.id)


@pytest.mark.parametrize(
    ("name", "scopes", "rates"),
    [
        ("", ("check",), {}),
        ("a\nb", ("check",), {}),
        ("alice", (), {}),
        ("alice", ("everything",), {}),
        ("alice", ("check",), {"rate": -1}),
        ("alice", ("check",), {"check_rate": 10**9}),
    ],
)
def test_a_key_that_cannot_be_is_a_usage_error(store, name, scopes, rates):
    with pytest.raises(UsageError):
        store.create(name, scopes, **rates)
    assert store.all() == ()


def test_a_name_is_taken_until_it_is_revoked(store):
    store.create("alice", ("check",))
    with pytest.raises(UsageError, match="there is a key named"):
        store.create("alice", ("check",))
    store.revoke("alice")
    store.create("alice", ("check",))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": [{"id": 1}]}', '{"keys": [1]}'])
def test_a_damaged_file_is_an_error_and_not_an_empty_one(store, content):
    store.create("alice", ("check",))
    store.path.write_text(content)
    with pytest.raises(ConfigError, match="damaged"):
        store.all()


def test_a_link_is_not_followed(store, tmp_path):
    store.create("alice", ("check",))
    elsewhere = store.path.rename(tmp_path / "elsewhere")
    store.path.symlink_to(elsewhere)
    with pytest.raises(ConfigError):
        store.all()


def test_keys_made_at_the_same_time_are_all_kept(store, paths):
    threads = [
        threading.Thread(target=KeyStore(paths).create, args=(f"k{n}", ("check",)))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key.name for key in store.all()} == {f"k{n}" for n in range(8)}
