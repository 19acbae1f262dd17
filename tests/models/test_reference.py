from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli_tuner.errors import ModelCorrupt, ModelMissing, UsageError
from cli_tuner.models import Adapter, BaseModel, ResolvedModel, Store, needed, reference, resolve
from cli_tuner.models.catalogue import Catalogue
from cli_tuner.settings import Paths

LORA = b"GGUF adapter"


@pytest.fixture
def adapter(make_adapter: Callable[..., Adapter]) -> Adapter:
    return make_adapter(LORA)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Catalogue]:
    """Make these entries the whole catalogue."""

    def make(*entries: BaseModel | Adapter) -> Catalogue:
        bases = {entry.name: entry for entry in entries if isinstance(entry, BaseModel)}
        adapters = {entry.name: entry for entry in entries if isinstance(entry, Adapter)}
        catalogue = Catalogue(bases, adapters)
        monkeypatch.setattr(reference, "load_catalogue", lambda _: catalogue)
        return catalogue

    return make


@pytest.fixture
def installed_base(paths: Paths, base: BaseModel, content: bytes) -> BaseModel:
    paths.models.mkdir(parents=True)
    (paths.models / base.file).write_bytes(content)
    return base


@pytest.fixture
def installed_adapter(paths: Paths, installed_base: BaseModel, adapter: Adapter) -> Adapter:
    (paths.models / adapter.file).write_bytes(LORA)
    return adapter


def no_hashing(*_: object) -> str:
    raise AssertionError("the file was hashed")


def test_a_name_resolves_to_its_verified_file(
    paths: Paths, installed_base: BaseModel, use: Callable[..., Catalogue]
) -> None:
    use(installed_base)
    expected = ResolvedModel("tiny", paths.models / installed_base.file, installed_base.sha256)
    assert resolve("tiny", paths) == expected
    assert resolve("tiny+none", paths) == expected


def test_a_base_with_an_adapter(
    paths: Paths,
    installed_base: BaseModel,
    installed_adapter: Adapter,
    use: Callable[..., Catalogue],
) -> None:
    use(installed_base, installed_adapter)
    model = resolve("tiny+house", paths)
    assert (model.name, model.adapter) == ("tiny", "house")
    assert model.adapter_path == paths.models / "house.gguf"
    assert model.adapter_sha256 == installed_adapter.sha256


def test_the_default_adapter_is_used_once_it_is_installed(
    paths: Paths,
    installed_base: BaseModel,
    installed_adapter: Adapter,
    make_base: Callable[..., BaseModel],
    use: Callable[..., Catalogue],
) -> None:
    use(make_base(default_adapter="house"), installed_adapter)
    assert resolve("tiny", paths).adapter == "house"
    assert resolve("tiny+none", paths).adapter is None
    (paths.models / "house.gguf").unlink()
    assert resolve("tiny", paths).adapter is None


def test_an_adapter_that_comes_with_the_program_is_used_where_it_lies(  # noqa: PLR0917
    paths: Paths,
    tmp_path: Path,
    installed_base: BaseModel,
    make_base: Callable[..., BaseModel],
    make_adapter: Callable[..., Adapter],
    use: Callable[..., Catalogue],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packaged = tmp_path / "adapters" / "house.gguf"
    packaged.parent.mkdir()
    packaged.write_bytes(LORA)
    use(make_base(default_adapter="house"), make_adapter(LORA, packaged=packaged))
    assert resolve("tiny", paths).adapter_path == packaged
    assert not (paths.models / "house.gguf").exists()
    with monkeypatch.context() as patch:  # its seal is in the store
        patch.setattr("cli_tuner.models.store.sha256_of_file", no_hashing)
        assert resolve("tiny", paths).adapter_path == packaged
    packaged.write_bytes(LORA[::-1])
    with pytest.raises(ModelCorrupt):
        resolve("tiny+house", paths)


def test_an_adapter_of_another_base_file_is_refused_with_both_digests(
    paths: Paths,
    installed_base: BaseModel,
    make_adapter: Callable[..., Adapter],
    use: Callable[..., Catalogue],
) -> None:
    use(installed_base, make_adapter(LORA, base_sha256="f" * 64))
    with pytest.raises(UsageError) as caught:
        resolve("tiny+house", paths)
    assert "f" * 12 in str(caught.value)
    assert installed_base.sha256[:12] in str(caught.value)
    assert resolve("tiny+none", paths).adapter is None


def test_an_adapter_of_another_base_is_refused_with_the_right_one(
    paths: Paths,
    base: BaseModel,
    adapter: Adapter,
    make_base: Callable[..., BaseModel],
    use: Callable[..., Catalogue],
) -> None:
    use(base, make_base(name="other", file="other.gguf"), adapter)
    with pytest.raises(UsageError, match=r"belongs to tiny, not to other; use --model tiny\+house"):
        resolve("other+house", paths)


def test_a_missing_or_damaged_adapter_says_which(
    paths: Paths,
    installed_base: BaseModel,
    adapter: Adapter,
    use: Callable[..., Catalogue],
) -> None:
    use(installed_base, adapter)
    with pytest.raises(ModelMissing, match="setup --model house"):
        resolve("tiny+house", paths)
    (paths.models / "house.gguf").write_bytes(LORA[:-1] + b"x")
    with pytest.raises(ModelCorrupt, match="house"):
        resolve("tiny+house", paths)


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("fasst", 'did you mean "fast"'),
        ("", "known models: fast, balanced, large"),
        ("fast+", "unknown adapter"),
        ("fast+hose", "known adapters: .*balanced-v4"),
        ("+none", "unknown model"),
    ],
)
def test_an_unknown_name_is_a_usage_error(paths: Paths, ref: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        resolve(ref, paths)


def test_a_model_that_is_not_here_says_how_to_get_it(paths: Paths) -> None:
    with pytest.raises(ModelMissing, match="run: cli-tuner setup --model fast"):
        resolve("fast", paths)


def test_what_a_reference_needs(
    base: BaseModel, adapter: Adapter, use: Callable[..., Catalogue]
) -> None:
    catalogue = use(base, adapter)
    assert needed("tiny", catalogue) == (base,)
    assert needed("tiny+house", catalogue) == (base, adapter)
    assert needed("tiny+none", catalogue) == (base,)
    assert needed("./own.gguf", catalogue) == ()
    with pytest.raises(UsageError):
        needed("nobody", catalogue)


def test_resolving_is_cheap_and_hashes_nothing_twice(
    paths: Paths,
    installed_base: BaseModel,
    use: Callable[..., Catalogue],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(installed_base)
    resolve("tiny", paths)
    monkeypatch.setattr("cli_tuner.models.store.sha256_of_file", no_hashing)
    times_ms = []
    for _ in range(20):
        start = time.perf_counter()
        resolve("tiny", paths)
        times_ms.append((time.perf_counter() - start) * 1e3)
    assert statistics.median(times_ms) <= 5


def test_a_path_is_hashed_once(
    paths: Paths, tmp_path: Path, content: bytes, base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.gguf"
    path.write_bytes(content)
    assert resolve(str(path), paths) == ResolvedModel("own.gguf", path, base.sha256)
    monkeypatch.setattr(reference, "sha256_of_file", no_hashing)
    assert resolve(str(path), paths).sha256 == base.sha256
    os.utime(path, ns=(5, 5))
    with pytest.raises(AssertionError, match="was hashed"):
        resolve(str(path), paths)


def test_a_path_may_be_relative_or_below_home(
    paths: Paths, tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.GGUF").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("own.GGUF", paths).path == tmp_path / "own.GGUF"
    assert resolve("./own.GGUF", paths).path == tmp_path / "own.GGUF"
    assert resolve("~/own.GGUF", paths).path == tmp_path / "own.GGUF"


@pytest.mark.parametrize("text", ["{", "[]", "\x00", '{"x": 1}', '{"PATH": "zz@1:1"}'])
def test_a_damaged_cache_of_digests_only_costs_time(
    paths: Paths, tmp_path: Path, content: bytes, base: BaseModel, text: str
) -> None:
    path = tmp_path / "own.gguf"
    path.write_bytes(content)
    paths.cache.mkdir(parents=True)
    (paths.cache / "digests.json").write_text(text.replace("PATH", str(path)))
    assert resolve(str(path), paths).sha256 == base.sha256
    assert str(path) in json.loads((paths.cache / "digests.json").read_text())


def test_the_cache_of_digests_stays_small(paths: Paths, tmp_path: Path) -> None:
    for number in range(70):
        path = tmp_path / f"m{number}.gguf"
        path.write_bytes(b"GGUF%d" % number)
        resolve(str(path), paths)
    assert len(json.loads((paths.cache / "digests.json").read_text())) == 64


def test_a_cache_folder_that_cannot_be_made_only_costs_time(
    paths: Paths, tmp_path: Path, content: bytes, base: BaseModel
) -> None:
    paths.cache.parent.mkdir(parents=True, exist_ok=True)
    paths.cache.write_text("a file")
    path = tmp_path / "own.gguf"
    path.write_bytes(content)
    assert resolve(str(path), paths).sha256 == base.sha256


def test_a_path_that_is_no_model(paths: Paths, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="there is no file"):
        resolve(str(tmp_path / "gone.gguf"), paths)
    with pytest.raises(UsageError, match=r"does not end in \.gguf"):
        resolve(str(tmp_path / "notes.txt"), paths)
    page = tmp_path / "page.gguf"
    page.write_text("<html>")
    empty = tmp_path / "empty.gguf"
    empty.touch()
    folder = tmp_path / "folder.gguf"
    folder.mkdir()
    for path in (page, empty, folder):
        with pytest.raises(ModelCorrupt, match="is not a GGUF file"):
            resolve(str(path), paths)


def test_a_file_found_in_the_store_is_verified_before_use(
    paths: Paths, installed_base: BaseModel, use: Callable[..., Catalogue]
) -> None:
    use(installed_base)
    path = paths.models / installed_base.file
    path.write_bytes(b"GGUF".ljust(installed_base.size_bytes, b"x"))
    with pytest.raises(ModelCorrupt, match="setup --model tiny"):
        resolve("tiny", paths)
    assert not Store(paths.models).seal_path(installed_base).exists()
