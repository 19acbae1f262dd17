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
        *("cli.main", "cli.generate", "cli.hook", "hook.judge"),
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


def test_an_agent_that_asks_about_a_harmless_command_waits_for_no_grammar_and_no_codes():
    code = (
        "import sys; from cli_tuner.cli import main; from cli_tuner.hook import opinion\n"
        "verdict = {'level': 'safe', 'policy': 'moderate', 'reasons': []}\n"
        "opinion._from_resident = lambda *_: verdict\n"
        "status = main.main(['hook', 'run', 'claude'])\n"
        "print(status, *sys.modules)"
    )
    question = '{"tool_name": "Bash", "tool_input": {"command": "ls"}, "cwd": "/"}'
    ended = subprocess.run(
        [sys.executable, "-I", "-c", code],
        input=question,
        capture_output=True,
        text=True,
        check=True,
    )
    status, *loaded = ended.stdout.split()
    assert status == "0", ended.stderr
    heavy = {*HEAVY, "argparse", "cli_tuner.cli.parser", "cli_tuner.hook.allowance", "uuid"}
    assert heavy.isdisjoint(loaded), heavy.intersection(loaded)
