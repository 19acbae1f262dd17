"""No secret is committed: the scanner, its baseline, and that it would find one.

`make secrets` scans everything that is tracked; it takes half a minute and is not repeated here.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / ".secrets.baseline"
HOOK = Path(sys.executable).with_name("detect-secrets-hook")


def scan(path: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    baseline = tmp_path / "baseline"  # the hook may write to it
    shutil.copy(BASELINE, baseline)
    return subprocess.run(
        [HOOK, "--baseline", baseline, path],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_token_would_be_found_and_is_not_printed(tmp_path):
    token = f"ghp_{hashlib.sha256(b'a token').hexdigest()[:36]}"  # made here: none is written down
    path = tmp_path / "settings.py"
    path.write_text(f'TOKEN = "{token}"\n', "utf-8")
    ended = scan(path, tmp_path)
    assert ended.returncode == 1
    assert "GitHub Token" in ended.stdout
    assert token not in ended.stdout + ended.stderr


@pytest.mark.parametrize("name", ["src/cli_tuner/settings.py", "README.md", "deploy/compose.yaml"])
def test_a_file_without_one_passes(name, tmp_path):
    ended = scan(ROOT / name, tmp_path)
    assert ended.returncode == 0, ended.stdout


def test_what_is_known_is_in_files_that_are_there_and_was_looked_at():
    known = json.loads(BASELINE.read_text("utf-8"))["results"]
    assert known
    for name, found in known.items():
        assert (ROOT / name).exists(), name
        for one in found:
            assert one.get("is_secret") is False, f"{name}:{one['line_number']} was not looked at"


def test_only_data_and_locks_are_left_out():
    filters = json.loads(BASELINE.read_text("utf-8"))["filters_used"]
    (left_out,) = [one for one in filters if one["path"].endswith("should_exclude_file")]
    (pattern,) = left_out["pattern"]
    tracked = list((ROOT / "src").rglob("*.py"))
    assert len(tracked) > 100
    for path in [*tracked, ROOT / "Makefile", *(ROOT / "deploy").rglob("*.yaml")]:
        assert not re.search(pattern, path.relative_to(ROOT).as_posix())
