"""Where nothing can be isolated, tests that run commands say so and are skipped."""

from __future__ import annotations

import pytest

from cli_tuner.sandbox import reason_it_cannot_run


@pytest.fixture
def isolated() -> None:
    if reason := reason_it_cannot_run():
        pytest.skip(f"no sandbox: {reason}")
