"""The workflows are ones that GitHub accepts, and call what this repository has."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
BIN = Path(sys.executable).parent
NODE_20 = re.compile(r"runtime .node20. is deprecated")  # what an outdated action is told


def actionlint(path: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("actionlint", path=str(BIN)) or shutil.which("actionlint")
    if program is None:
        pytest.skip("actionlint is not installed; its wheel exists for Linux alone")
    shellcheck = shutil.which("shellcheck", path=str(BIN)) or ""
    return subprocess.run(
        [program, "-oneline", "-no-color", "-shellcheck", shellcheck, "-pyflakes", "", path],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actionlint_has_nothing_to_say(path):
    ended = actionlint(path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-1.0", "label"),
        ("actions/cache@v5", "actions/cache@v4", "node20"),
        ("steps:", "stepz:", "stepz"),
        ("${{ matrix.python }}", "${{ matrix.pyton }}", "pyton"),
        ("run: make test", "run: make $TARGET test", "SC2086"),
    ],
)
def test_a_mistake_is_found(tmp_path, old, new, said):
    text = (FOLDER / "ci.yml").read_text("utf-8")
    assert old in text
    path = tmp_path / "ci.yml"
    path.write_text(text.replace(old, new), "utf-8")
    ended = actionlint(path)
    assert ended.returncode == 1
    assert said in ended.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_no_more_than_it_says(path):
    document = yaml.safe_load(path.read_text("utf-8"))
    assert document["permissions"] == {"contents": "read"}
    for job in document["jobs"].values():
        assert job.get("timeout-minutes") or "publish" in document["jobs"]


def test_every_make_target_of_a_workflow_is_there():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = {
        target
        for path in WORKFLOWS
        for target in re.findall(r"run: make ([\w-]+)", path.read_text("utf-8"))
    }
    assert {"lint", "secrets", "test", "safety", "site"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_hooks_before_a_commit_start_programs_that_are_installed():
    document = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    (repository,) = document["repos"]
    entries = {hook["id"]: hook["entry"].split()[0] for hook in repository["hooks"]}
    assert {"ruff-check", "mypy", "layers", "secrets", "workflows"} <= set(entries)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    packages = {"lint-imports": "import-linter", "detect-secrets-hook": "detect-secrets"}
    for program in entries.values():
        name = Path(program).name
        assert program == f".venv/bin/{name}"
        assert f'"{packages.get(name, name)}' in project, name
