from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli_tuner.errors import FetchError
from cli_tuner.models import BaseModel, Progress, Surroundings
from cli_tuner.models.entry import HubPin
from cli_tuner.models.sources import Order, hub
from cli_tuner.models.sources.hub import Hub


@pytest.fixture
def order(tmp_path: Path, base: BaseModel, recorder: Progress, around_hub: Surroundings) -> Order:
    return Order(base, tmp_path / "tiny.partial", recorder, around_hub.environ)


def with_environment(order: Order, **changes: str) -> Order:
    return Order(order.entry, order.partial, order.progress, {**order.environ, **changes})


def test_a_file_arrives_whole(order, hub_server, recorder, content):
    Hub().bring(order)
    assert order.partial.read_bytes() == content
    assert recorder.reports[-1] == (len(content), len(content), "Hugging Face Hub")
    assert [verb for verb, _, _ in hub_server.requests] == ["HEAD", "GET", "GET"]


def test_the_server_of_these_tests_speaks_to_the_hubs_own_client(hub_server, tmp_path, content):
    pytest.importorskip("huggingface_hub")
    code = (
        "import sys; from huggingface_hub import hf_hub_download;"
        "print(hf_hub_download('team/tiny-GGUF', 'tiny-q4.gguf', revision='c0ffee',"
        " local_dir=sys.argv[1], endpoint=sys.argv[2], token=False))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "here"), hub_server.url],
        env={"PATH": "/usr/bin:/bin", "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"},
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "here" / "tiny-q4.gguf").read_bytes() == content


def test_a_cut_connection_is_continued_where_it_broke(order, hub_server, content):
    hub_server.cuts = [1_500_000]
    Hub().bring(order)
    assert order.partial.read_bytes() == content
    first, second = hub_server.gets()
    assert first["range"] == "bytes=0-"
    start = int(second["range"].removeprefix("bytes=").removesuffix("-"))
    assert 1_000_000 < start <= 1_500_000


def test_a_partial_file_is_continued(order, hub_server, content):
    order.partial.write_bytes(content[:2_000_000])
    Hub().bring(order)
    assert order.partial.read_bytes() == content
    assert [headers["range"] for headers in hub_server.gets()] == ["bytes=2000000-"]


def test_a_complete_partial_file_costs_no_download(order, hub_server, content):
    order.partial.write_bytes(content)
    Hub().bring(order)
    assert hub_server.gets() == []


def test_a_partial_file_that_is_too_long_is_begun_again(order, content):
    order.partial.write_bytes(content + b"x")
    Hub().bring(order)
    assert order.partial.read_bytes() == content


def test_a_server_without_ranges_sends_it_all_again(order, hub_server, content):
    hub_server.ranges = False
    hub_server.cuts = [1_000_000]
    Hub().bring(order)
    assert order.partial.read_bytes() == content


def test_a_connection_that_brings_nothing_is_given_up(order, hub_server):
    hub_server.cuts = [1_000_000, 0, 0, 0, 0, 0]
    with pytest.raises(FetchError, match=r"of 3,000,004 bytes"):
        Hub().bring(order)
    assert len(hub_server.gets()) == 1 + hub.ATTEMPTS
    assert 500_000 < order.partial.stat().st_size <= 1_000_000


def test_another_file_is_refused_before_it_is_downloaded(order, hub_server):
    hub_server.announced = "e" * 64
    with pytest.raises(FetchError, match=f"another file of that name, {'e' * 12}, not"):
        Hub().bring(order)
    assert hub_server.gets() == []


def test_more_bytes_than_the_file_has_are_refused(order, hub_server, content):
    hub_server.announced = order.entry.sha256
    hub_server.content = content + b"x" * 1000
    with pytest.raises(FetchError, match="more than the 3,000,004 bytes"):
        Hub().bring(order)
    assert order.partial.stat().st_size == 0


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "HTTP 401, access refused; is HF_TOKEN right"),
        (403, "HTTP 403"),
        (404, "HTTP 404, there is no /team/tiny-GGUF/resolve/c0ffee/tiny-q4.gguf"),
        (503, "HTTP 503 Service Unavailable"),
    ],
)
def test_a_refusal_is_a_reason(order, hub_server, status, said):
    hub_server.statuses = [status]
    with pytest.raises(FetchError, match=said):
        Hub().bring(order)


def test_a_file_that_is_not_there_is_a_reason(
    order: Order, make_base: Callable[..., BaseModel]
) -> None:
    other = make_base(hub=HubPin("team/other", "main"))
    with pytest.raises(FetchError, match="HTTP 404"):
        Hub().bring(Order(other, order.partial, order.progress, order.environ))


def test_the_token_goes_to_the_hub_and_to_nobody_else(order, hub_server):
    Hub().bring(with_environment(order, HF_TOKEN="hf_secret"))
    seen = {
        path.split("/")[1]: headers.get("authorization") for _, path, headers in hub_server.requests
    }
    assert seen == {"team": "Bearer hf_secret", "cdn": None}


def test_without_a_token_none_is_sent(order, hub_server):
    Hub().bring(order)
    assert all("authorization" not in headers for _, _, headers in hub_server.requests)


@pytest.mark.parametrize("value", ["1", "true", "ON", "yes"])
def test_offline_means_no_request(order, hub_server, value):
    with pytest.raises(FetchError, match="skipped, HF_HUB_OFFLINE is set"):
        Hub().bring(with_environment(order, HF_HUB_OFFLINE=value))
    assert hub_server.requests == []


def test_nobody_there_is_a_fast_reason(order: Order, closed_port: int) -> None:
    start = time.perf_counter()
    with pytest.raises(FetchError, match=f"127.0.0.1:{closed_port} cannot be reached"):
        Hub().bring(with_environment(order, HF_ENDPOINT=f"http://127.0.0.1:{closed_port}"))
    assert time.perf_counter() - start < 5


def test_a_host_that_says_nothing_is_a_fast_reason(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "PROBE_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        start = time.perf_counter()
        with pytest.raises(FetchError, match="answer"):
            Hub().bring(with_environment(order, HF_ENDPOINT=endpoint))
        assert time.perf_counter() - start < 3


def test_a_name_lookup_that_hangs_does_not_hold_us(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "PROBE_S", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(2) or [])
    start = time.perf_counter()
    with pytest.raises(FetchError, match=r"no answer within 0\.3 s"):
        Hub().bring(with_environment(order, HF_ENDPOINT="http://hub.invalid"))
    assert time.perf_counter() - start < 1.5


@pytest.mark.parametrize("endpoint", ["hub.example", "ftp://hub.example", "http://", "/tmp"])
def test_a_wrong_endpoint_is_a_reason(order: Order, endpoint: str) -> None:
    with pytest.raises(FetchError, match="HF_ENDPOINT is not an http"):
        Hub().bring(with_environment(order, HF_ENDPOINT=endpoint))


def test_a_wrong_proxy_is_a_reason(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "nonsense://proxy")
    with pytest.raises(FetchError, match="the proxy or certificate settings are wrong"):
        Hub().bring(order)


def test_an_endpoint_with_a_path_and_a_slash_is_used_as_it_is() -> None:
    endpoint = hub.endpoint_of({"HF_ENDPOINT": "https://mirror.example/hub/"})
    url = hub.file_url(endpoint, HubPin("a/b", "refs/pr/1"), "f.gguf")
    assert url == "https://mirror.example/hub/a/b/resolve/refs%2Fpr%2F1/f.gguf"
    assert hub.endpoint_of({}) == "https://huggingface.co"


def test_an_entry_that_is_not_on_the_hub(order: Order, make_base: Callable[..., BaseModel]) -> None:
    with pytest.raises(FetchError, match="it is not there"):
        Hub().bring(Order(make_base(hub=None), order.partial, order.progress, order.environ))
