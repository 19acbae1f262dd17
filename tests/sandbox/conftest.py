"""Where nothing can be isolated, these tests say so and are skipped."""

from __future__ import annotations

import pytest

from cli_tuner.sandbox import reason_it_cannot_run


@pytest.fixture(autouse=True)
def isolated() -> None:
    if reason := reason_it_cannot_run():
        pytest.skip(reason)
