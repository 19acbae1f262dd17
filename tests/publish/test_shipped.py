"""Records of shipped adapters, and that the cards in the documentation are made from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli_tuner.errors import NotPublishable
from cli_tuner.models import load_catalogue
from cli_tuner.models.entry import Adapter
from cli_tuner.publish.model import read_record
from cli_tuner.publish.shipped import cards, keep, main, measured, record_of, write_cards
from cli_tuner.settings import Paths

ROOT = Path(__file__).parents[2]
CARDS = ROOT / "docs" / "models"


@pytest.fixture
def shelf(kit, tmp_path):
    """A folder of shipped adapters with the run's adapter in it."""
    folder = tmp_path / "adapters"
    folder.mkdir()
    (folder / kit.adapter.name).write_bytes(kit.adapter.read_bytes())
    return folder


def entry_of(kit, folder: Path, sha256: str | None = None) -> dict[str, Adapter]:
    model = kit.sources().open(Paths.of())
    entry = Adapter(
        name=model.name,
        file=kit.adapter.name,
        size_bytes=model.size_bytes,
        sha256=sha256 or model.sha256,
        base="fast",
        base_sha256=model.base.sha256,
        packaged=folder / kit.adapter.name,
    )
    return {entry.name: entry}


def test_a_record_is_kept_beside_the_adapter_and_makes_its_card(kit, shelf, tmp_path):
    model = kit.sources(evaluations=(kit.make_evaluation("tiny-dev"),)).open(Paths.of())
    assert keep(model, shelf) == shelf / "tiny-v1.record.json"
    out = tmp_path / "models"
    [path] = write_cards(out, entry_of(kit, shelf))
    text = path.read_text()
    assert path == out / "tiny-v1.md"
    assert text.startswith("# tiny-v1\n")
    assert "100.0 % [90.0, 100.0], n 3" in text
    assert "cli-tuner models verify fast+tiny-v1" in text


def test_a_record_takes_other_evaluations_when_the_run_is_gone(kit, shelf):
    first = kit.make_evaluation("tiny-dev")
    keep(kit.sources(evaluations=(first,)).open(Paths.of()), shelf)
    before = read_record(record_of(shelf / kit.adapter.name))
    path = measured(shelf / kit.adapter.name, [kit.make_evaluation("tiny-later")])
    after = read_record(path)
    assert [one.name for one in after.evaluations] == ["tiny-later"]
    assert (after.run, after.data) == (before.run, before.data)


def test_a_card_of_an_adapter_that_is_gone_is_removed(kit, shelf, tmp_path):
    keep(kit.sources().open(Paths.of()), shelf)
    out = tmp_path / "models"
    out.mkdir()
    (out / "old.md").write_text("x")
    write_cards(out, entry_of(kit, shelf))
    assert [path.name for path in out.iterdir()] == ["tiny-v1.md"]


def test_another_adapter_than_the_run_s_gets_no_record(kit, shelf):
    kit.make_run(content=b"another")
    with pytest.raises(NotPublishable, match="is not the adapter of this run"):
        keep(kit.sources().open(Paths.of()), shelf)


def test_an_adapter_without_its_record_has_no_card(kit, shelf):
    with pytest.raises(NotPublishable, match="there is no record") as refused:
        cards(entry_of(kit, shelf))
    assert "publish.shipped keep" in str(refused.value.hint)


def test_a_record_of_another_file_makes_no_card(kit, shelf):
    keep(kit.sources().open(Paths.of()), shelf)
    with pytest.raises(NotPublishable, match="is of another file"):
        cards(entry_of(kit, shelf, "9" * 64))


def test_a_file_that_is_no_record_is_refused_in_words(kit, shelf):
    record_of(shelf / kit.adapter.name).write_text('{"schema_version": "1"}')
    with pytest.raises(NotPublishable, match="is no record of a model"):
        cards(entry_of(kit, shelf))


def test_what_is_wrong_is_one_line(kit, capsys):
    status = main(["keep", str(kit.root / "nothing"), "--data", str(kit.data)])
    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1


def test_every_shipped_adapter_has_its_card_and_the_cards_are_what_the_records_say():
    expected = cards(load_catalogue(Paths.of({"CLI_TUNER_HOME": "/nonexistent"})).adapters)
    written = {path.stem: path.read_text(encoding="utf-8") for path in CARDS.glob("*.md")}
    assert written == expected, "renew them with: make cards"
