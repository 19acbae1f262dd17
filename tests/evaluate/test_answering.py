from __future__ import annotations

import pytest

from cli_tuner.backends.http import HttpBackend
from cli_tuner.errors import UsageError
from cli_tuner.evaluate.answering import open_backend
from cli_tuner.evaluate.config import EvaluateConfig
from cli_tuner.settings import Paths


def the_config(**model):
    sets = [{"name": "own", "path": "x"}]
    return EvaluateConfig.model_validate({"name": "remote", "model": model, "sets": sets})


@pytest.fixture
def paths(tmp_path):
    return Paths.of({"CLI_TUNER_HOME": str(tmp_path)})


@pytest.mark.parametrize(("reference", "asked_for"), [("fast", None), ("my-model", "my-model")])
def test_an_endpoint_is_asked_for_its_own_names(paths, reference, asked_for):
    config = the_config(reference=reference, backend="http://127.0.0.1:9/v1")
    backend = open_backend(config, paths)
    assert isinstance(backend, HttpBackend)
    assert backend._name == asked_for
    backend.close()


def test_an_endpoint_takes_no_adapter_from_here(paths):
    config = the_config(backend="http://127.0.0.1:9/v1", adapter="a.gguf")
    with pytest.raises(UsageError, match="an endpoint has its own adapters"):
        open_backend(config, paths)


def test_a_configuration_that_measures_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing is to be measured"):
        EvaluateConfig.model_validate({"name": "nothing"})
    with pytest.raises(ValueError, match="two sets have one name"):
        EvaluateConfig.model_validate(
            {"name": "twice", "sets": [{"name": "a", "path": "x"}, {"name": "a", "path": "y"}]}
        )
