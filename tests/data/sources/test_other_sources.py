"""tldr pages, the Hub and the generator."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import NamedTuple

import pytest

from cli_tuner.data.config import GeneratedSource, HubSource, TldrSource
from cli_tuner.data.sources import opened
from cli_tuner.errors import DataError

PAGE = """\
# pack

> Put files together.

- E[x]tract an archive (needs room) to a directory:

`pack {{[-x|--extract]}} {{path/to/archive.tar}} {{path/to/directory}}`

- Add files:

`pack {{[-a|--add]}} {{path/to/file1 path/to/file2 ...}}`

- Listen on a port:

`pack --listen {{8080}} --mode {{fast|slow}}`
"""


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages" / "common"
    folder.mkdir(parents=True)
    (folder / "pack.md").write_text(PAGE)
    return tmp_path


def test_every_example_of_a_page_is_a_pair_with_its_placeholders_filled(pages):
    pairs = list(opened(TldrSource(name="tldr", path=str(pages)), seed=1).rows())
    assert len(pairs) == 3
    for pair in pairs:
        assert "{{" not in pair.command
        assert "{{" not in pair.query
        assert pair.license == "CC-BY-4.0"
        assert pair.query.startswith("using pack, ")
    extract, add, listen = (pair.command.split() for pair in pairs)
    assert extract[:2] == ["pack", "-x"]
    assert all(word in pairs[0].query for word in extract[2:])
    assert add[2] != add[3]
    assert all(word in pairs[1].query for word in add[2:])
    assert listen == ["pack", "--listen", "8080", "--mode", "fast"]
    assert "8080" in pairs[2].query
    assert pairs[0].ref == "common/pack#1"


def test_a_folder_without_pages_says_what_is_wanted(tmp_path):
    with pytest.raises(DataError, match=r"no pages in .*path is a checkout of https://github"):
        opened(TldrSource(name="tldr", path=str(tmp_path)), seed=1)


class Made(NamedTuple):
    id: str
    query: str
    command: str
    intent: str
    template_id: str
    network: bool


def test_the_generator_is_a_source(monkeypatch):
    module = types.ModuleType("cli_tuner.data.generate")
    asked = []

    def pairs(*, seed, count, part):
        asked.append((seed, count, part))
        return [Made("g1", "list", "ls", "files.list", "t1", False)]

    module.pairs = pairs
    monkeypatch.setitem(sys.modules, "cli_tuner.data.generate", module)
    source = GeneratedSource(name="generated", count=5, intents="training")
    (pair,) = opened(source, seed=3).rows()
    assert asked == [(3, 5, "training")]
    assert (pair.id, pair.query, pair.command, pair.ref) == ("g1", "list", "ls", "files.list/t1")
    assert pair.license == "Apache-2.0"


def test_without_a_generator_the_error_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "cli_tuner.data.generate", types.ModuleType("empty"))
    with pytest.raises(DataError, match="this installation has no generator"):
        opened(GeneratedSource(name="generated"), seed=3)


class FakeHub:
    """What the stage uses of huggingface_hub and datasets."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.read: list[tuple[str, str, str]] = []

    def HfApi(self):  # noqa: N802  the library's name
        return self

    def dataset_info(self, repo, revision):
        if self.error:
            raise self.error
        return types.SimpleNamespace(sha="c" * 40)

    def disable_progress_bars(self):
        pass

    def load_dataset(self, repo, revision, split):
        if self.error:
            raise self.error
        self.read.append((repo, revision, split))
        return [{"instruction": "list files", "input": "", "output": "ls"}]


@pytest.fixture
def fake(monkeypatch):
    def install(error: Exception | None = None) -> FakeHub:
        hub = FakeHub(error)
        monkeypatch.setattr("cli_tuner.data.sources.hub.require", lambda *_: hub)
        return hub

    return install


def test_a_branch_is_resolved_to_its_commit_and_that_is_read(fake):
    hub = fake()
    source = opened(HubSource(name="plan", repo="team/set"), seed=1)
    (pair,) = source.rows()
    assert (pair.query, pair.command) == ("list files", "ls")
    assert hub.read == [("team/set", "c" * 40, "train")]
    assert source.origin()["revision"] == "c" * 40
    assert source.origin()["asked_for"] == "main"


def test_a_commit_is_read_without_asking(fake):
    hub = fake()
    list(opened(HubSource(name="plan", repo="team/set", revision="d" * 40), seed=1).rows())
    assert hub.read[0][1] == "d" * 40


def test_whatever_the_hub_says_is_one_line_that_names_the_way_around(fake):
    fake(RuntimeError("401 Client Error\nRepository not found"))
    with pytest.raises(
        DataError, match=r"401 Client Error\); offline, read a local copy: --set"
    ) as e:
        opened(HubSource(name="plan", repo="team/set"), seed=1)
    assert "\n" not in str(e.value)


def test_really_offline_it_is_one_line_too(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"cannot read team/set from the Hugging Face Hub"):
        opened(HubSource(name="plan", repo="team/set"), seed=1)
