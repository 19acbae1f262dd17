"""Every piece of Python in docs/PYTHON.md runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "PYTHON.md"
PIECES = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)


def test_there_are_pieces():
    assert len(PIECES) >= 5


@pytest.mark.parametrize("code", PIECES, ids=[str(number) for number in range(len(PIECES))])
def test_a_piece_runs(code, endpoint, tmp_path):
    environ = {**os.environ, "CLI_TUNER_HOME": str(tmp_path), "CLI_TUNER_BACKEND": endpoint}
    command = [sys.executable, "-W", "error", "-c", code]
    ran = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout
    assert ran.stderr == ""
