"""What tests of several rooms share: a home with the real model in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from cli_tuner.backends.engine import stop_all
from cli_tuner.models import Store, load_catalogue
from cli_tuner.settings import Paths

# In CI the same change gives the same result; at a desk every run looks at new examples.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# A shell gives a job in the background an ignored SIGINT, and every program that a test starts
# would have it too: there Ctrl-C could not be tried.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

USUAL = Paths.of()
"""The user's own folders, looked at before any test points elsewhere. Nothing is written there."""


@pytest.fixture(scope="session")
def fast_model() -> Path:
    """The file of the model `fast` in the user's own store."""
    entry = load_catalogue(USUAL).base("fast")
    holding = Store(USUAL.models).holding(entry)
    if not holding.whole:
        pytest.fail("the model is not on this machine; run: cli-tuner setup --model fast")
    return holding.path


@pytest.fixture
def real_home(
    fast_model: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A CLI_TUNER_HOME of the test's own whose store links to the model `fast`.

    Engines that the test started are stopped afterwards.
    """
    home = tmp_path_factory.mktemp("home")
    paths = Paths.of({"CLI_TUNER_HOME": str(home)})
    paths.models.mkdir(parents=True)
    for path in (fast_model, fast_model.with_name(f"{fast_model.name}.json")):
        if path.exists():
            (paths.models / path.name).symlink_to(path)
    for name in [name for name in os.environ if name.startswith("CLI_TUNER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLI_TUNER_HOME", str(home))
    monkeypatch.setenv("CLI_TUNER_MODEL", "fast")
    yield home
    stop_all(paths)
