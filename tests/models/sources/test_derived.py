"""A derived model is made here, checked like a downloaded one, and takes its origin's adapters."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.trim.conftest import write_model

from cli_tuner.errors import FetchError, UsageError
from cli_tuner.models import Adapter, BaseModel, State, Store, obtain, reference, resolve
from cli_tuner.models import fetch as fetching
from cli_tuner.models.catalogue import Catalogue
from cli_tuner.models.fetch import STORE
from cli_tuner.settings import Paths
from cli_tuner.trim.alphabet import Alphabet
from cli_tuner.trim.file import trim

LORA = b"GGUF adapter"


@pytest.fixture
def official(tmp_path: Path) -> bytes:
    """The origin's content."""
    path = tmp_path / "official.gguf"
    write_model(path)
    return path.read_bytes()


@pytest.fixture
def catalogue(
    official: bytes,
    tmp_path: Path,
    make_base: Callable[..., BaseModel],
    monkeypatch: pytest.MonkeyPatch,
) -> Catalogue:
    """An origin, what is made from it, and an adapter of the origin."""
    origin = make_base(official, name="whole", file="whole.gguf", default_adapter="house")
    target = tmp_path / "wanted.gguf"
    (tmp_path / "in.gguf").write_bytes(official)
    trim(tmp_path / "in.gguf", target, Alphabet.ASCII, source_sha256=origin.sha256)
    small = make_base(
        target.read_bytes(),
        name="small",
        file="small.gguf",
        hub=None,
        derived_from="whole",
        trim="ascii",
    )
    house = Adapter(
        name="house",
        base="whole",
        base_sha256=origin.sha256,
        file="house.gguf",
        size_bytes=len(LORA),
        sha256=hashlib.sha256(LORA).hexdigest(),
    )
    found = Catalogue({"whole": origin, "small": small}, {"house": house})
    monkeypatch.setattr(fetching, "load_catalogue", lambda _: found)
    monkeypatch.setattr(reference, "load_catalogue", lambda _: found)
    return found


@pytest.fixture
def with_origin(paths: Paths, official: bytes, catalogue: Catalogue) -> Catalogue:
    paths.models.mkdir(parents=True)
    (paths.models / "whole.gguf").write_bytes(official)
    (paths.models / "house.gguf").write_bytes(LORA)
    return catalogue


def test_it_is_made_from_the_origin_that_is_here(
    paths: Paths, with_origin: Catalogue, recorder: Any
) -> None:
    small, store = with_origin.base("small"), Store(paths.models)
    made = obtain("small", paths, progress=recorder)
    assert (made.path, made.source) == (store.path(small), "whole.gguf, trimmed here")
    assert store.holding(small).state is State.VERIFIED
    assert obtain("small", paths).source == STORE
    assert any(source == made.source for _, _, source in recorder.reports)
    assert not list(paths.models.glob("*.partial"))


def test_an_origin_that_is_not_here_is_fetched_first(
    *,
    paths: Paths,
    catalogue: Catalogue,
    official: bytes,
    hub_server: Any,
    around_hub: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.models import conftest

    monkeypatch.setattr(conftest, "FILE", "whole.gguf")
    hub_server.content = official
    made = obtain("small", paths, around=around_hub)
    assert made.source == "whole.gguf, trimmed here"
    assert (paths.models / "whole.gguf").read_bytes() == official
    assert resolve("small+none", paths).sha256 == catalogue.base("small").sha256


def test_without_an_origin_it_cannot_be_made(
    paths: Paths, catalogue: Catalogue, offline: Callable[..., Any]
) -> None:
    with pytest.raises(FetchError, match="cannot fetch whole"):
        obtain("small", paths, around=offline())
    assert set(catalogue.bases) == {"whole", "small"}


def test_another_result_than_the_pinned_one_is_refused(
    paths: Paths, with_origin: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli_tuner.trim import file

    monkeypatch.setattr(file, "TOKENS_KEY", "cli-tuner.other")
    with pytest.raises(FetchError, match="it sent a file with the digest"):
        obtain("small", paths)
    assert not (paths.models / with_origin.base("small").file).exists()


def test_an_origin_that_cannot_be_trimmed_says_why(
    paths: Paths, with_origin: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli_tuner.trim import file

    monkeypatch.setattr(file, "_BLOCKS", {})
    with pytest.raises(FetchError, match="is of a type"):
        obtain(with_origin.base("small"), paths)


def test_it_takes_its_origins_adapters(paths: Paths, with_origin: Catalogue) -> None:
    obtain("small", paths)
    for ref in ("small", "small+house"):
        resolved = resolve(ref, paths)
        assert (resolved.name, resolved.adapter) == ("small", "house")
        assert resolved.path.name == "small.gguf"
        assert resolved.sha256 == with_origin.base("small").sha256


def test_another_bases_adapter_is_refused(
    with_origin: Catalogue, make_base: Callable[..., BaseModel], content: bytes
) -> None:
    others = {"other": make_base(content, name="other", file="other.gguf")}
    wider = Catalogue({**with_origin.bases, **others}, with_origin.adapters)
    with pytest.raises(UsageError, match="the adapter house belongs to whole, not to other"):
        reference.parse("other+house", wider)
