"""Every step of the playbooks in docs/operations is a command that runs and ends as it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from cli_tuner.release.switching import promote

FOLDER = Path(__file__).parents[2] / "docs" / "operations"
PLAYBOOKS = sorted(path.stem for path in FOLDER.glob("*.md") if "```sh" in path.read_text("utf-8"))
BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
STATUS = re.compile(r"    # status ([\d, or]+)$", re.MULTILINE)
PATIENCE_S = 60.0


def blocks(name: str) -> list[str]:
    """The blocks of a playbook, without the indent that a list gives them."""
    found = BLOCK.findall((FOLDER / f"{name}.md").read_text("utf-8"))
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def script(name: str) -> str:
    """All blocks as one script that ends where a command ends otherwise than it says."""
    lines = ['fail() { echo "a command of block $1 ended with $2" >&2; exit 99; }']
    commands = [(n, one) for n, block in enumerate(blocks(name), 1) for one in pieces(block)]
    for number, piece in commands:
        said = STATUS.search(piece)
        allowed = re.findall(r"\d+", said[1]) if said else ["0"]
        wanted = f"case $? in {'|'.join(allowed)}) ;; *) fail {number} $? ;; esac"
        lines.append(f"{piece}\n{wanted}")
    return "\n".join(lines)


def pieces(block: str) -> list[str]:
    """Commands: a line each, or several with a here-document or a trailing backslash."""
    found, ending = [""], ""
    for line in block.splitlines():
        found[-1] += f"{line}\n"
        here = re.search(r"<<'(\w+)'", line)
        ending = here[1] if here else ending
        if (ending and line != ending) or line.endswith("\\"):
            continue
        ending = ""
        found.append("")
    return [piece.rstrip("\n") for piece in found if piece.strip()]


@pytest.fixture
def home(built, gates, paths, endpoint, tmp_path):
    """Two releases, the newer one active; the environment of a person who operates them."""
    built("1.0.0")
    built("1.1.0")
    promote("1.0.0", gates)
    promote("1.1.0", gates)
    (tmp_path / "desk").mkdir()
    program = Path(sys.executable).with_name("cli-tuner")
    assert program.exists()
    environ = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "desk"),
        "LANG": "C.UTF-8",
        "CLI_TUNER_HOME": str(paths.state.parent),
        "CLI_TUNER_BACKEND": endpoint,
    }
    asked = ["cli-tuner", "generate", "list all files"]
    subprocess.run(asked, env=environ, check=True, capture_output=True)
    return environ


def test_there_are_playbooks():
    expected = {
        "dangerous-command", "disk-full", "key-leak", "model-degradation", "validation-failures",
    }  # fmt: skip
    assert set(PLAYBOOKS) == expected
    assert (FOLDER / "post-mortem.md").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAYBOOKS)
def test_every_step_runs(name, home, tmp_path):
    ended = subprocess.run(
        ["bash", "-c", script(name)],
        env=home, cwd=tmp_path / "desk", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_a_rule_from_the_playbook_is_live_without_a_restart(home, paths, tmp_path):
    """The incident drill: from the first look to a service that blocks."""
    said = tmp_path / "said"
    command = {"command": "kubectl delete ns shop"}
    with said.open("w") as file:
        service = subprocess.Popen(
            ["cli-tuner", "serve", "--port", "0", "--backend", home["CLI_TUNER_BACKEND"]],
            env=home, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", said.read_text())):
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.05)
        with httpx.Client(base_url=found[0], timeout=PATIENCE_S) as client:
            assert client.post("/v1/check", json=command).json()["level"] == "review"
            began = time.monotonic()
            first = "\n".join(blocks("dangerous-command")[:2])
            subprocess.run(
                ["bash", "-c", first], env=home, cwd=tmp_path / "desk", check=True,
                capture_output=True,
            )  # fmt: skip
            assert client.post("/v1/check", json=command).json()["level"] == "dangerous"
            seconds = time.monotonic() - began
        assert seconds < 300
        print(f"live after {seconds:.1f} s")
    finally:
        service.terminate()
        service.wait(PATIENCE_S)


def test_links_lead_somewhere():
    for path in FOLDER.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
            assert (FOLDER / target).exists(), f"{path.name}: {target}"
