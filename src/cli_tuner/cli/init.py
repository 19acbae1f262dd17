"""`cli-tuner init SHELL`: what a shell evaluates to have a hot key for us."""

from __future__ import annotations

import argparse
import sys

from cli_tuner.integrations import snippet


def run(given: argparse.Namespace) -> int:
    """Print the script for the shell."""
    sys.stdout.write(snippet(given.shell, given.key, _program()))
    return 0


def _program() -> str:
    """Ourselves, by the path with which we were called: shells may have another PATH later."""
    import shutil
    from pathlib import Path

    beside = Path(sys.executable).with_name("cli-tuner")
    return str(beside) if beside.exists() else shutil.which("cli-tuner") or "cli-tuner"
