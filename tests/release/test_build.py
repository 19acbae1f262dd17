import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.release.conftest import artifact, evaluation, weights

from cli_tuner.errors import ReleaseError
from cli_tuner.release.build import bounds_from, build
from cli_tuner.release.manifest import Bounds, parse, read_bytes
from cli_tuner.release.verification import verified
from cli_tuner.settings import Settings


def test_a_release_is_whole_signed_and_names_every_digest(built, paths):
    folder = built("1.2.0")
    found = verified(folder, paths)
    manifest = found.manifest
    assert manifest.version == "1.2.0"
    assert set(manifest.files) == {"bom.json", "evaluation/results.json", "tiny-1.2.0.gguf"}
    assert manifest.reference(folder) == str(folder / "tiny-1.2.0.gguf")
    assert manifest.model.base.licence == "Apache-2.0"
    assert manifest.code.version


def test_a_release_never_changes(built):
    built("1.0.0")
    with pytest.raises(ReleaseError, match="exists"):
        built("1.0.0")


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "1.0.0/../x", "01.0.0", "1.0.0+b", ""])
def test_a_version_is_a_semantic_one(order, paths, version):
    with pytest.raises(ReleaseError, match="is not a version"):
        build(replace(order("1.0.0"), version=version), Settings(), paths)


def test_a_build_that_fails_leaves_nothing(built, paths, order):
    with pytest.raises(ReleaseError, match="licence"):
        built("1.0.0", licence=None)
    (paths.config / "release.key").unlink()
    with pytest.raises(ReleaseError, match="keygen"):
        built("1.0.0")
    assert [path.name for path in (paths.state / "releases").glob("[!.]*")] == []


def test_a_key_that_others_may_read_signs_nothing(built, paths):
    (paths.config / "release.key").chmod(0o644)
    with pytest.raises(ReleaseError, match="chmod 600"):
        built("1.0.0")


def test_an_adapter_is_a_file_of_its_own(order, paths, tmp_path):
    base = weights(tmp_path / "w" / "base.gguf", "base")
    adapter = weights(tmp_path / "w" / "house.gguf", "adapter")
    report = evaluation(tmp_path / "e", base, adapter)
    given = order("2.0.0", model=f"{base}+{adapter}", evaluation=report)
    folder = build(given, Settings(), paths)
    manifest = verified(folder, paths).manifest
    assert manifest.model.adapter is not None
    assert (
        manifest.reference(folder) == f"{folder}/base-2.0.0.gguf+{folder}/base-2.0.0.adapter.gguf"
    )


def test_weights_that_are_written_over_do_not_change_a_release(order, paths):
    given = order("1.0.0")
    folder = build(given, Settings(), paths)
    Path(given.model).write_bytes(b"GGUFother weights in the same file")
    verified(folder, paths)


def test_bounds_come_from_a_file(tmp_path):
    path = tmp_path / "bounds.toml"
    path.write_text("latency_p95_ms = 900\nwatch_requests_min = 5\n")
    assert bounds_from(path) == Bounds(latency_p95_ms=900.0, watch_requests_min=5)
    path.write_text("latency = 900\n")
    with pytest.raises(ReleaseError, match="known: smoke_valid_min"):
        bounds_from(path)
    path.write_text("latency_p95_ms = -1\n")
    with pytest.raises(ReleaseError, match="latency_p95_ms"):
        bounds_from(path)


def test_the_bill_of_materials_names_weights_data_and_licences(built, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.jsonl").write_text("{}\n")
    licences = {"MIT": {"rows": 1}, "LicenseRef-own": {"rows": 2}}
    data = artifact(folder, stage="data", name="pairs", licenses=licences)
    bill = json.loads((built("1.0.0", data=(data,)) / "bom.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
    kinds = [one["type"] for one in bill["components"]]
    assert kinds == ["machine-learning-model", "data", "application"]
    model, rows, _ = bill["components"]
    assert len(model["hashes"][0]["content"]) == 64
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert rows["licenses"] == [{"license": {"name": "LicenseRef-own"}}, {"license": {"id": "MIT"}}]
    card = bill["metadata"]["component"]["modelCard"]
    assert card["modelParameters"]["datasets"] == [{"ref": rows["bom-ref"]}]
    assert card["quantitativeAnalysis"]["performanceMetrics"][0]["value"] == "0.9"
    refs = [one["bom-ref"] for one in bill["components"] if "bom-ref" in one]
    assert bill["dependencies"][0]["dependsOn"] == refs


def test_data_without_a_licence_is_not_released(built, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(ReleaseError, match="licences"):
        built("1.0.0", data=(artifact(folder, stage="data", name="pairs"),))


def test_the_manifest_is_canonical(built):
    folder = built("1.0.0")
    raw = read_bytes(folder)
    assert parse(raw, folder).version == "1.0.0"
    with pytest.raises(ReleaseError, match="canonical"):
        parse(json.dumps(json.loads(raw), indent=1).encode(), folder)
