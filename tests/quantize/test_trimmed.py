"""Files with fewer tokens: of the base as it is, and of what was merged and quantized."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest

from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.errors import QuantizationError
from cli_tuner.quantize import trimmed
from cli_tuner.quantize.config import QuantizeConfig

from .conftest import CHINESE, TOKENS, values_of, write_adapter

Run = Callable[..., Path]
COPY = [{"type": "COPY", "trim": "western"}]
BY_TOKEN = ("token_embd.weight", "output.weight")
KEPT = [row for row, text in enumerate(TOKENS) if text not in CHINESE]


def test_a_copy_is_the_base_with_fewer_rows(run: Run, base: Path) -> None:
    folder = run(files=COPY)
    (path,) = folder.glob("*.gguf")
    assert path.name == "tiny-copy-western.gguf"
    before = {one.name: one.data for one in gguf.GGUFReader(base).tensors}
    for one in gguf.GGUFReader(path).tensors:
        wanted = before[one.name]
        assert np.array_equal(one.data, wanted[KEPT] if one.name in BY_TOKEN else wanted)
    report = json.loads((folder / "report.json").read_text())["model"]
    assert report["quantizer"] is None
    assert report["files"][0]["bytes"] < base.stat().st_size


def test_a_merged_file_is_trimmed_after_it_was_quantized(
    run: Run, base: Path, tmp_path: Path
) -> None:
    adapter = tmp_path / "style.gguf"
    write_adapter(adapter, sha256_of_file(base))
    files = [{"type": "F16"}, {"type": "F16", "trim": "ascii"}]
    folder = run(adapter=str(adapter), files=files)
    whole, small = folder / "tiny-f16.gguf", folder / "tiny-f16-ascii.gguf"
    assert {path.name for path in folder.glob("*.gguf")} == {whole.name, small.name}
    before, after = values_of(whole), values_of(small)
    for name, values in before.items():
        assert np.array_equal(after[name], values[KEPT] if name in BY_TOKEN else values)
    reader = gguf.GGUFReader(small)
    said = {key: reader.get_field(key).contents() for key in reader.fields if "cli-tuner" in key}
    assert said["cli-tuner.base.sha256"] == sha256_of_file(base)
    assert said["cli-tuner.adapter.sha256"] == sha256_of_file(adapter)
    assert said["cli-tuner.trim.source.sha256"] == sha256_of_file(whole)
    assert said["cli-tuner.trim.alphabet"] == "ascii"


def test_only_the_trimmed_file_stays_if_only_that_was_asked_for(run: Run) -> None:
    folder = run(files=[{"type": "F16", "trim": "ascii"}])
    assert [path.name for path in folder.glob("*.gguf")] == ["tiny-f16-ascii.gguf"]


def test_an_adapter_of_the_base_is_merged_into_the_trimmed_base(
    run: Run, base: Path, tmp_path: Path
) -> None:
    (small,) = run(files=COPY).glob("*.gguf")
    adapter, other = tmp_path / "style.gguf", tmp_path / "other.gguf"
    deltas = write_adapter(adapter, sha256_of_file(base))
    merged = run(name="merged", base=str(small), adapter=str(adapter), files=[{"type": "F16"}])
    after, before = values_of(merged / "merged-f16.gguf"), values_of(base)
    for name, delta in deltas.items():
        wanted = before[name] + delta
        assert np.abs(after[name] - wanted).max() <= np.abs(wanted).max() / 1024
    write_adapter(other, "f" * 64)
    with pytest.raises(QuantizationError, match="was made for a base with the digest ffffffffffff"):
        run(name="no", base=str(small), adapter=str(other), files=[{"type": "F16"}])


def test_an_adapter_of_the_base_does_not_fit_what_was_merged_and_trimmed(
    run: Run, base: Path, tmp_path: Path
) -> None:
    adapter = tmp_path / "style.gguf"
    write_adapter(adapter, sha256_of_file(base))
    folder = run(adapter=str(adapter), files=[{"type": "F16", "trim": "ascii"}])
    (small,) = folder.glob("*.gguf")
    with pytest.raises(QuantizationError, match="was made for a base with the digest"):
        run(name="twice", base=str(small), adapter=str(adapter), files=[{"type": "F16"}])


def test_a_file_that_is_not_its_source_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimmed, "differences", lambda *_: ("the tensors' bytes",))
    with pytest.raises(QuantizationError, match="differs from its source in the tensors' bytes"):
        run(files=COPY)


def test_a_full_disk_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trimmed, "trim", full)
    with pytest.raises(QuantizationError, match="No space left on device"):
        run(files=COPY)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"files": [{"type": "COPY"}]}, "would be the same file again"),
        ({"files": [{"type": "COPY", "trim": "klingon"}]}, "ascii"),
        ({"files": [{"type": "COPY", "trim": "ascii", "embedding": "q8_0"}]}, "do not apply"),
        ({"files": COPY, "adapter": "fast-v1"}, "cannot be merged into a COPY"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        QuantizeConfig.model_validate({"name": "x", "base": "fast", **fields})
