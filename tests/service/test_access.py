"""Who is let in: keys and their scopes, other hosts, other sites, rates."""

import pytest

from cli_tuner.errors import UsageError
from cli_tuner.service.access import Rates, Sessions
from cli_tuner.service.config import ServiceConfig, is_loopback
from cli_tuner.service.keys import KeyStore
from cli_tuner.service.server import refuse_open_door
from cli_tuner.settings import Settings

LS = {"command": "ls"}


@pytest.fixture
def keys(paths):
    return KeyStore(paths)


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def test_without_keys_loopback_needs_none(serving):
    assert serving().post("/v1/check", **LS).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_other_addresses_are_not_listened_at_without_a_key(keys, host):
    with pytest.raises(UsageError, match="no API key"):
        refuse_open_door(ServiceConfig(host=host), keys)
    key, _ = keys.create("alice", ("check",))
    refuse_open_door(ServiceConfig(host=host), keys)
    keys.revoke(key.id)
    with pytest.raises(UsageError, match="no API key"):
        refuse_open_door(ServiceConfig(host=host), keys)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("LOCALHOST", True),
        ("127.9.9.9", True),
        ("localhost.evil.org", False),
        ("0.0.0.0", False),
        ("", False),
        ("2130706433", False),
    ],
)
def test_only_this_machines_own_names_are_loopback(host, expected):
    assert is_loopback(host) is expected


def test_once_there_is_a_key_everybody_needs_one(serving, keys):
    running = serving()
    _, text = keys.create("alice", ("check",))
    refused = running.post("/v1/check", **LS)
    assert (refused.status_code, refused.json()["code"]) == (401, "no_key")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert running.client.post("/v1/check", json=LS, headers=bearer(text)).status_code == 200
    assert running.client.get("/health").status_code == 200


@pytest.mark.parametrize("change", [str.swapcase, lambda text: text[:-1], lambda text: text + "A"])
def test_a_text_that_is_nearly_a_key_is_none(serving, keys, change):
    running = serving()
    _, text = keys.create("alice", ("check",))
    headers = bearer(change(text))
    assert running.client.post("/v1/check", json=LS, headers=headers).status_code == 401


def test_a_revoked_key_ends_with_the_next_request_and_opens_no_door(serving, keys):
    running = serving()
    key, text = keys.create("alice", ("check",))
    assert running.client.post("/v1/check", json=LS, headers=bearer(text)).status_code == 200
    KeyStore(running.service.paths).revoke(key.id)
    assert running.client.post("/v1/check", json=LS, headers=bearer(text)).status_code == 401
    assert running.post("/v1/check", **LS).status_code == 401


@pytest.mark.parametrize(
    ("scope", "open_paths"),
    [
        ("check", {"/v1/check", "/v1/explain"}),
        ("generate", {"/v1/generate", "/v1/chat/completions"}),
        ("feedback", {"/v1/feedback"}),
    ],
)
def test_a_key_opens_what_its_scopes_say(serving, keys, scope, open_paths):
    running = serving()
    _, text = keys.create("alice", (scope,))
    bodies = {
        "/v1/check": LS,
        "/v1/explain": LS,
        "/v1/generate": {"query": "list all files"},
        "/v1/chat/completions": {"messages": [{"role": "user", "content": "list all files"}]},
        "/v1/feedback": {"request_id": "0" * 26, "kind": "wrong"},
    }
    for path, body in bodies.items():
        status = running.client.post(path, json=body, headers=bearer(text)).status_code
        assert (status != 403) is (path in open_paths), path
    assert running.client.get("/metrics", headers=bearer(text)).status_code == 403


def test_the_holder_of_a_key_is_who_the_journal_names(serving, keys):
    running = serving()
    key, text = keys.create("alice", ("generate",))
    answered = running.client.post(
        "/v1/generate", json={"query": "list all files"}, headers=bearer(text)
    )
    kept = running.service.journal.find(answered.json()["request_id"])
    assert kept.user_hmac == running.service.journal.caller_hmac(f"key:{key.id}")


def test_every_key_has_rates_of_its_own(serving, keys):
    running = serving()
    _, slow = keys.create("slow", ("check", "generate"), rate=1, check_rate=1)
    _, fast = keys.create("fast", ("check",), check_rate=0)
    statuses = [
        running.client.post("/v1/check", json=LS, headers=bearer(slow)).status_code
        for _ in range(11)
    ]
    assert statuses == [200] * 10 + [429]
    assert running.client.post("/v1/check", json=LS, headers=bearer(fast)).status_code == 200
    asked = {"query": "list all files"}
    answers = [
        running.client.post("/v1/generate", json=asked, headers=bearer(slow)) for _ in range(11)
    ]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[-1].headers["retry-after"] == "60"


def test_without_keys_generations_have_the_rate_of_the_settings(serving):
    running = serving(settings=Settings(rate_limit=1))
    asked = {"query": "list all files"}
    statuses = [running.post("/v1/generate", **asked).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]


@pytest.mark.parametrize("host", ["evil.org", "evil.org:8080", "127.0.0.1.evil.org", "a:b:c", ""])
def test_a_name_of_somebody_elses_for_this_machine_is_refused(serving, host):
    answered = serving().client.post("/v1/check", json=LS, headers={"Host": host})
    assert answered.status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_is_refused(serving, headers):
    answered = serving().client.post("/v1/check", json=LS, headers=headers)
    assert (answered.status_code, answered.json()["code"]) == (403, "other_site")


def test_a_page_of_our_own_is_not(serving):
    running = serving()
    headers = {"Origin": running.url, "Sec-Fetch-Site": "same-origin"}
    assert running.client.post("/v1/check", json=LS, headers=headers).status_code == 200


def test_a_damaged_or_open_key_file_lets_nobody_in(serving, keys):
    running = serving()
    _, text = keys.create("alice", ("check",))
    for mode, content in ((0o644, keys.path.read_text() + " "), (0o600, "{")):
        keys.path.chmod(mode)
        keys.path.write_text(content)
        answered = running.client.post("/v1/check", json=LS, headers=bearer(text))
        assert (answered.status_code, answered.json()["code"]) == (503, "config_error")
        assert str(keys.path) not in answered.text


def test_a_session_ends_by_time_and_by_hand():
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    name = sessions.begin("the key")
    assert sessions.key_text(name) == "the key"
    assert sessions.key_text("another") is None
    now[0] = 13 * 3600
    assert sessions.key_text(name) is None
    name = sessions.begin("the key")
    sessions.end(name)
    assert sessions.key_text(name) is None


def test_a_changed_rate_counts_from_then_on():
    rates = Rates(lambda: 0.0)
    assert rates.wait_s("nobody") == 0
    rates.agree("alice", 1)
    assert [rates.wait_s("alice") > 0 for _ in range(11)] == [False] * 10 + [True]
    rates.agree("alice", 1)
    assert rates.wait_s("alice") > 0
    rates.agree("alice", 0)
    assert rates.wait_s("alice") == 0
