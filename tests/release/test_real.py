"""With the real model: what is promoted is loaded, asked and measured."""

from __future__ import annotations

import pytest
from tests.release.conftest import evaluation

from cli_tuner.models import resolve
from cli_tuner.release import active
from cli_tuner.release.build import Order, build
from cli_tuner.release.gates import Gates, loaded_here
from cli_tuner.release.manifest import Bounds
from cli_tuner.release.signing import keygen
from cli_tuner.release.switching import promote, rollback
from cli_tuner.settings import Paths, load_settings

pytestmark = pytest.mark.model


def test_the_real_model_is_promoted_and_rolled_back_in_seconds(real_home, tmp_path):
    paths, settings = Paths.of(), load_settings()
    keygen(paths)
    report = evaluation(tmp_path / "evaluation", resolve("fast+none", paths).path)
    bounds = Bounds(smoke_valid_min=0.5, latency_p95_ms=60_000.0)
    for version in ("1.0.0", "1.1.0"):
        order = Order(version, "1.0.0", "fast+none", report, bounds=bounds)
        build(order, settings, paths)
        done = promote(version, Gates(paths, settings, loaded_here(paths, settings)))
        assert all(one.passed for one in done.outcomes)
    found = active(paths)
    assert found.active.manifest.model.base.licence == "Apache-2.0"
    assert resolve(found.active.reference, paths).sha256 == found.active.manifest.model.base.sha256
    back = rollback(paths)
    assert back.seconds < 60
    print(f"rollback {back.seconds:.2f} s, the switch itself {back.pointer_ms:.1f} ms")
