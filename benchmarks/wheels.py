"""For which platforms pip finds wheels of everything that cli-tuner needs to run.

    python benchmarks/wheels.py [--write]

The package index is asked through pip, as somebody who installs there would ask it; nothing is
downloaded or installed. A platform counts only if no package needs a compiler. That wheels are
there says that it can be installed; where it was run is in docs/SHELL.md. --write renews
results/wheels.md.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from cli_tuner.artifacts.markdown import table

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "wheels.md"
LINUX = ("manylinux2014_{0}", "manylinux_2_17_{0}", "manylinux_2_28_{0}")
PLATFORMS = {
    "Linux x86-64 (glibc 2.28)": tuple(tag.format("x86_64") for tag in LINUX),
    "Linux arm64 (glibc 2.28)": tuple(tag.format("aarch64") for tag in LINUX),
    "Linux x86-64 (musl 1.2)": ("musllinux_1_1_x86_64", "musllinux_1_2_x86_64"),
    "macOS 13, Apple": tuple(f"macosx_{major}_0_arm64" for major in (11, 12, 13)),
    "macOS 13, Intel": ("macosx_10_13_x86_64", "macosx_11_0_x86_64", "macosx_13_0_x86_64"),
    "Windows x86-64": ("win_amd64",),
    "Windows arm64": ("win_arm64",),
}
PYTHONS = ("3.11",)
ENGINE = "xllamacpp"


def main() -> int:
    """Ask, print, and write if asked to."""
    needed = requirements()
    rows = []
    for name, tags in PLATFORMS.items():
        for python in PYTHONS:
            others = [one for one in needed if not one.startswith(ENGINE)]
            engine = [one for one in needed if one.startswith(ENGINE)]
            print(name, python, file=sys.stderr)
            rows.append((name, python, found(others, tags, python), found(engine, tags, python)))
    lines = [
        "# Wheels",
        "",
        "Whether pip finds a wheel of every package that cli-tuner needs to run, by platform, on",
        f"{datetime.now(UTC):%Y-%m-%d}; made by `benchmarks/wheels.py --write`, which asks the",
        "index and runs nothing. The program itself is pure Python. `check`, `explain`, the hook",
        f"and endpoints work without the engine ({ENGINE}).",
        "",
        *table(("platform", "Python", "everything but the engine", "the engine"), rows),
    ]
    text = "\n".join(lines)
    print(text)
    if "--write" in sys.argv:
        RESULT.write_text(text, encoding="utf-8")
    return 0


def requirements() -> tuple[str, ...]:
    """The locked versions of what runs, without what is for some platforms alone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split(r"[<>=\[;]", one)[0] for one in project["dependencies"]}
    locked = dict(
        re.findall(
            r"^([a-z0-9._-]+)==([^\s;\\]+)", (ROOT / "requirements" / "run.txt").read_text(), re.M
        )
    )
    missing = names - set(locked)
    if missing:
        raise SystemExit(f"requirements/run.txt does not lock {', '.join(sorted(missing))}")
    return tuple(f"{name}=={version}" for name, version in sorted(locked.items()))


def found(needed: list[str], tags: tuple[str, ...], python: str) -> str:
    """The cell of the table: yes, or what has no wheel."""
    left, lacking = list(needed), []
    while left and (refused := without_wheel(left, tags, python)) is not None:
        lacking.append(refused)
        left.remove(refused)
    return f"no wheel of {', '.join(lacking)}" if lacking else "yes"


def without_wheel(needed: list[str], tags: tuple[str, ...], python: str) -> str | None:
    """The first of these that pip could not install there without building it; None if all can."""
    with tempfile.TemporaryDirectory() as target:
        command = [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--quiet"),
            *("--only-binary=:all:", "--python-version", python, "--target", target),
            *("--report", "-", *(word for tag in tags for word in ("--platform", tag))),
            *needed,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode == 0:
        assert len(json.loads(done.stdout)["install"]) == len(needed)
        return None
    said = re.search(r"No matching distribution found for (\S+)", done.stderr)
    if said is None or said[1] not in needed:
        raise SystemExit(f"pip failed: {done.stderr[-2000:]}")
    return said[1]


if __name__ == "__main__":
    sys.exit(main())
