"""What a URL becomes, and what of it nobody may see."""

from __future__ import annotations

import pytest

from cli_tuner.backends.endpoint import Endpoint
from cli_tuner.errors import UsageError


@pytest.mark.parametrize(
    ("url", "base", "shown"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1", "http://localhost:8000"),
        ("http://localhost:8000/", "http://localhost:8000/v1", "http://localhost:8000"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1", "http://localhost:8000"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1", "http://localhost:8000"),
        ("https://h/team/a", "https://h/team/a/v1", "https://h"),
        ("http://[::1]:11434", "http://[::1]:11434/v1", "http://[::1]:11434"),
        ("https://me:s3cret@h:1/v1", "https://h:1/v1", "https://h:1"),
    ],
)
def test_the_base_ends_in_v1_and_what_is_shown_is_scheme_host_and_port(url, base, shown):
    endpoint = Endpoint.of(url)
    assert (endpoint.base, endpoint.shown) == (base, shown)
    assert repr(endpoint) == f"Endpoint({shown})"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "localhost:8000",
            "ftp://h",
            "file:///etc/passwd",
            "http://",
            "http:///v1",
            "unix:/x",
        ),
        *("http://h:99999", "http://h:port", "http://[::1", "http://h h/", "http://h/\n"),
        *("http://h/v1?key=s3cret", "http://h/#s3cret", "://me:s3cret@h", "http://me:s3cret@h:x"),
    ],
)
def test_what_is_no_url_of_an_endpoint_is_refused_without_quoting_it(url):
    with pytest.raises(UsageError) as caught:
        Endpoint.of(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_a_key_goes_unencrypted_to_this_machine_alone(host):
    endpoint = Endpoint.of(f"http://{host}:8000", "sk-1")
    assert endpoint.is_loopback
    assert endpoint.headers == {"Authorization": "Bearer sk-1"}


@pytest.mark.parametrize(
    "host", ["example.com", "10.0.0.1", "127.0.0.1.evil.com", "localhost.evil.com", "[::2]"]
)
def test_neither_key_nor_password_goes_unencrypted_to_another(host):
    with pytest.raises(UsageError, match="unencrypted"):
        Endpoint.of(f"http://{host}:8000", "sk-1")
    with pytest.raises(UsageError, match="unencrypted"):
        Endpoint.of(f"http://me:s3cret@{host}:8000")
    assert Endpoint.of(f"https://{host}:8000", "sk-1").headers
    assert Endpoint.of(f"http://{host}:8000").headers == {}


@pytest.mark.parametrize("key", ["sk 1", "sk\n1", "clé", "sk-\0", " "])
def test_a_key_that_is_none_is_refused_without_quoting_it(key):
    with pytest.raises(UsageError) as caught:
        Endpoint.of("https://h", key)
    assert key.strip() == "" or key not in str(caught.value)


def test_user_and_password_are_sent_as_basic_authorization():
    headers = Endpoint.of("https://me:p%40ss@h").headers
    assert headers == {"Authorization": "Basic bWU6cEBzcw=="}


def test_a_key_goes_before_a_password():
    assert Endpoint.of("https://me:pw@h", "sk-1").headers == {"Authorization": "Bearer sk-1"}


def test_secrets_are_blotted_out_of_what_a_server_says():
    endpoint = Endpoint.of("https://me:s3cret@h")
    assert "s3cret" not in endpoint.without_secrets("bad password s3cret (Basic bWU6czNjcmV0)")
    assert Endpoint.of("https://h", "sk-1").without_secrets("key sk-1 unknown") == "key *** unknown"
