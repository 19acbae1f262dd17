"""Every answer waits for the client's imports, so what they load is kept by a test."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    *("dataclasses", "inspect", "subprocess", "hashlib", "tempfile", "platformdirs", "tomllib"),
    *("pydantic", "httpx", "rich", "xllamacpp", "asyncio", "logging", "typing_extensions"),
    *("cli_tuner.records", "cli_tuner.guard", "cli_tuner.models", "cli_tuner.boundaries.generate"),
)


@pytest.mark.parametrize(
    "module",
    [
        *("errors", "settings", "backends.wire", "backends.contact", "backends.engine"),
        *("cli.main", "cli.generate"),
    ],
)
def test_the_client_imports_nothing_heavy(module):
    code = f"import sys, cli_tuner.{module}; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    before = subprocess.run(
        [sys.executable, "-I", "-c", "import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(ended.stdout.split()) - set(before.stdout.split())
    assert loaded.isdisjoint(HEAVY), loaded.intersection(HEAVY)


def test_asking_a_running_engine_needs_no_subprocess_module():
    code = (
        "import sys; from cli_tuner.backends.engine import Engine\n"
        "from cli_tuner.settings import Paths, Settings\n"
        "Engine.of(Settings(model='fast'), Paths.of({'CLI_TUNER_HOME': '/x'})).socket_path\n"
        "print('subprocess' in sys.modules, 'hashlib' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["False", "False"]
