"""The whole stage with the real 0.5B."""

from __future__ import annotations

import json
import os

import pytest

from cli_tuner.cli.main import main
from cli_tuner.errors import UsageError
from cli_tuner.evaluate.answering import local_model
from cli_tuner.evaluate.config import Model
from cli_tuner.settings import Paths

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("real_home")]
pytest.importorskip("sacrebleu", reason="the extra evaluate has it")


def test_the_base_model_is_measured_end_to_end(tmp_path, rows_file, capsys):
    text = f"name: real\nsets:\n  - name: own\n    path: {rows_file}\n"
    (tmp_path / "real.yaml").write_text(text)
    given = ["run", "evaluate", str(tmp_path / "real.yaml"), "--model", "fast+none"]
    assert main([*given, "--set", "sets.0.limit=2", "--out", str(tmp_path / "out")]) == 0
    folder = tmp_path / "out" / "real"
    assert capsys.readouterr().out == f"{folder}\n"
    items = [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]
    assert len(items) == 2
    for item in items:
        assert item["raw"]
        assert item["mean_logprob"] < 0
        assert item["ms"] > 0
    results = json.loads((folder / "results.json").read_text())
    assert results["model"]["name"] == "fast"
    assert len(results["model"]["sha256"]) == 64
    assert results["sets"]["own"]["suites"]["domain"]["measures"]["syntax"]["n"] == 2


def test_an_adapter_of_another_base_is_refused(tmp_path):
    adapter = tmp_path / "adapter.gguf"
    adapter.write_bytes(b"GGUF")
    (tmp_path / "provenance.json").write_text(json.dumps({"serves": {"sha256": "0" * 64}}))
    paths = Paths.of(os.environ)
    with pytest.raises(UsageError, match="belongs to another base"):
        local_model(Model(reference="fast", adapter=str(adapter)), paths)
    with pytest.raises(UsageError, match="there is no adapter"):
        local_model(Model(reference="fast", adapter=str(tmp_path / "none.gguf")), paths)
    (tmp_path / "provenance.json").unlink()
    found = local_model(Model(reference="fast", adapter=str(adapter)), paths)
    assert (found.name, found.adapter) == ("fast", "adapter")
