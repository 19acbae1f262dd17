"""Training that goes on from an adapter."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch", reason="make train-test has it")

import torch

from cli_tuner.errors import TrainingError, UsageError
from cli_tuner.settings import Paths
from cli_tuner.train.config import TrainConfig
from cli_tuner.train.export import write_gguf
from cli_tuner.train.start import find_start


@pytest.fixture
def paths(tmp_path) -> Paths:
    return Paths.of({"CLI_TUNER_HOME": str(tmp_path / "home")})


@pytest.fixture
def saved(model, tiny, tmp_path):
    """The adapter of a model, as the file that is served."""

    def write(alpha=None, sha256=tiny.sha256):
        path = tmp_path / "mine.gguf"
        write_gguf(model.adapter.pairs(), alpha or model.adapter.alpha, sha256, path)
        return path

    return write


def test_the_values_are_those_of_the_file(model, make_model, tiny, saved, paths):
    start = find_start(str(saved()), paths)
    other = make_model(b=0.0)
    start.put_on(other.adapter, tiny)
    torch.testing.assert_close(other.adapter.values, model.adapter.values.half().float())
    assert (start.name, len(start.sha256)) == ("mine", 64)


def test_of_another_base_alpha_or_rank_it_is_refused(make_model, tiny, saved, paths):
    adapter = make_model(b=0.0).adapter
    with pytest.raises(TrainingError, match="another base"):
        find_start(str(saved(sha256="0" * 64)), paths).put_on(adapter, tiny)
    with pytest.raises(TrainingError, match="has alpha 99"):
        find_start(str(saved(alpha=99.0)), paths).put_on(adapter, tiny)
    start = find_start(str(saved()), paths)
    adapter = make_model(("q_proj", "v_proj")).adapter
    with pytest.raises(TrainingError, match="another rank or other modules"):
        start.put_on(adapter, tiny)


def test_a_run_that_starts_from_an_adapter_begins_at_its_loss_and_says_so(config, saved, tmp_path):
    from cli_tuner.artifacts import SILENT
    from cli_tuner.train.stage import make

    lora = {**config.lora.model_dump(), "start": str(saved(alpha=8.0))}
    given = TrainConfig.model_validate({**config.model_dump(), "lora": lora, "epochs": 0.5})
    (tmp_path / "out").mkdir()
    make(given, tmp_path / "out", SILENT)
    record = json.loads((tmp_path / "out" / "models" / "provenance.json").read_text())
    assert record["start"]["name"] == "mine"


def test_what_is_not_there_is_said(tmp_path, paths):
    with pytest.raises(TrainingError, match="there is no adapter"):
        find_start(str(tmp_path / "gone.gguf"), paths)
    with pytest.raises(UsageError, match="no-such"):
        find_start("no-such", paths)
    (tmp_path / "text.gguf").write_text("no model")
    with pytest.raises(TrainingError, match="no GGUF"):
        find_start(str(tmp_path / "text.gguf"), paths).put_on(None, None)
