"""What the README shows is what the program prints; what it says to type, works."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cli_tuner.settings import Paths

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAM = Path(sys.executable).with_name("cli-tuner")
SESSION = re.compile(r"```console\n(.*?)```", re.DOTALL)
VARIES = re.compile(r"\d+\.\d s · [0-9A-Z]{6}")


def sessions() -> list[tuple[str, str]]:
    """(command line, what it prints) of every `$ cli-tuner` line that is followed by output."""
    found = []
    for block in SESSION.findall(README):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            if line.startswith("cli-tuner ") and output.strip() and not output.startswith("   "):
                found.append((line, output.strip("\n")))
    return found


def printed(line: str, home: Path) -> str:
    words = [str(PROGRAM), *shlex.split(line)[1:]]
    env = {**os.environ, "CLI_TUNER_HOME": str(home)}
    ran = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120, check=False)
    return VARIES.sub("TIME", f"{ran.stdout}{ran.stderr}".strip("\n"))


@pytest.fixture
def home(tmp_path):
    """A home of its own with the models that are installed."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").symlink_to(Paths.of().models)
    yield tmp_path
    subprocess.run(
        [PROGRAM, "stop"], env={**os.environ, "CLI_TUNER_HOME": str(tmp_path)}, check=True
    )


def test_there_is_a_session_to_test():
    assert len(sessions()) >= 3


@pytest.mark.parametrize(
    ("line", "output"), [pair for pair in sessions() if "generate" not in pair[0]]
)
def test_the_guard_prints_what_the_readme_shows(line, output, tmp_path):
    assert printed(line, tmp_path) == VARIES.sub("TIME", output)


@pytest.mark.model
@pytest.mark.parametrize(("line", "output"), [pair for pair in sessions() if "generate" in pair[0]])
def test_the_real_model_answers_what_the_readme_shows(line, output, home):
    if not (Paths.of().models / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf").exists():
        pytest.skip("the default model is not installed; run: cli-tuner setup")
    assert printed(line, home) == VARIES.sub("TIME", output)


@pytest.mark.model
def test_the_five_lines_of_python_work(home):
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    ran = subprocess.run(
        [sys.executable, "-c", code.group(1)],
        env={**os.environ, "CLI_TUNER_HOME": str(home), "CLI_TUNER_MODEL": "fast"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    command, verdict = ran.stdout.splitlines()
    assert command.startswith("find ")
    assert command.endswith(" safe")
    assert verdict == "dangerous"


@pytest.mark.parametrize("words", re.findall(r"`cli-tuner ([a-z-]+)", README))
def test_every_command_that_the_readme_names_has_help(words, tmp_path):
    ran = subprocess.run(
        [PROGRAM, words, "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0
    assert ran.stdout.startswith("usage: cli-tuner")


def test_make_knows_the_targets_that_the_readme_names():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"make ([a-z]+)", README)) - {"sure"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
