from __future__ import annotations

import pytest

from cli_tuner.errors import ConfigError, FetchError, TrainingError
from cli_tuner.models import load_catalogue, resolve
from cli_tuner.settings import Paths
from cli_tuner.train.install import install

BASE = b"GGUF" + b"base" * 100


@pytest.fixture
def paths(tmp_path):
    """A home whose catalogue has one base, which is in the store."""
    from hashlib import sha256

    from cli_tuner.models.store import Store

    paths = Paths.of({"CLI_TUNER_HOME": str(tmp_path / "home")})
    paths.config.mkdir(parents=True)
    paths.models.mkdir(parents=True)
    (paths.config / "catalogue.toml").write_text(
        f'# my own\n[base.tiny]\ntitle = "t"\nlicence = "MIT"\nlicence_url = "https://x"\n'
        f'file = "tiny-base.gguf"\nbytes = {len(BASE)}\nsha256 = "{sha256(BASE).hexdigest()}"\n'
        f"parameters = 1\nram_bytes = 1\n"
    )
    (paths.models / "tiny-base.gguf").write_bytes(BASE)
    Store(paths.models).verify(load_catalogue(paths).base("tiny"))
    return paths


def adapter(tmp_path, content=b"one"):
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF" + content * 50)
    return path


def digest(paths):
    return load_catalogue(paths).base("tiny").sha256


def test_an_installed_adapter_is_found_by_its_reference(paths, tmp_path):
    reference = install(adapter(tmp_path), "tiny", digest(paths), paths)
    found = resolve(reference, paths)
    assert reference == "tiny+mine"
    assert found.adapter_path.read_bytes() == adapter(tmp_path).read_bytes()


def test_a_new_training_replaces_the_entry_and_keeps_the_rest(paths, tmp_path):
    install(adapter(tmp_path), "tiny", digest(paths), paths)
    install(adapter(tmp_path, b"two"), "tiny", digest(paths), paths)
    text = (paths.config / "catalogue.toml").read_text()
    assert text.startswith("# my own\n[base.tiny]")
    assert text.count("[adapter.") == 1
    assert b"two" in resolve("tiny+mine", paths).adapter_path.read_bytes()


def test_what_would_break_the_catalogue_is_taken_back(paths, tmp_path):
    before = (paths.config / "catalogue.toml").read_text()
    with pytest.raises(ConfigError, match="no base is called"):
        install(adapter(tmp_path), "nobody", digest(paths), paths)
    assert (paths.config / "catalogue.toml").read_text() == before


def test_a_file_that_is_no_gguf_is_refused_and_taken_back(paths, tmp_path):
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"not a model")
    before = (paths.config / "catalogue.toml").read_text()
    with pytest.raises(FetchError):
        install(path, "tiny", digest(paths), paths)
    assert (paths.config / "catalogue.toml").read_text() == before


def test_a_name_that_no_catalogue_takes_is_said(paths, tmp_path):
    path = adapter(tmp_path).rename(tmp_path / "Mine!.gguf")
    with pytest.raises(TrainingError, match="no name for an adapter"):
        install(path, "tiny", digest(paths), paths)


def test_a_training_that_is_called_like_a_shipped_adapter_stands_beside_it(paths, tmp_path):
    from cli_tuner.models.catalogue import _shipped

    shipped = next(iter(_shipped().adapters.values()))
    own = tmp_path / f"{shipped.name}.gguf"
    own.write_bytes(b"GGUF" + b"own" * 50)
    assert install(own, "tiny", digest(paths), paths) == f"tiny+{shipped.name}-own"
    assert load_catalogue(paths).adapters[shipped.name] == shipped
    assert resolve(f"tiny+{shipped.name}-own", paths).adapter_path.read_bytes() == own.read_bytes()
