"""`cli-tuner run data` as a person runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.data.conftest import different_pairs, write_lines

from cli_tuner.artifacts import open_artifact

CONFIG = """\
name: small
tokenizer: {model}
workers: {workers}
limits: {{prompt_tokens: 600, answer_tokens: 300}}
expected: {{at_least: 1}}
sources:
  - kind: file
    name: made
    path: {folder}/rows.jsonl
"""


class Runner:
    """The program in a folder of its own."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder = folder
        self.output = folder / "out"
        self._model = model
        self.environ = {
            **os.environ,
            "CLI_TUNER_HOME": str(folder / "home"),
            "HF_HUB_OFFLINE": "1",
        }

    def command(self, *more: str, workers: int = 1) -> list[str]:
        config = self.folder / "small.yaml"
        config.write_text(CONFIG.format(model=self._model, folder=self.folder, workers=workers))
        place = ["--out", str(self.output)]
        return [sys.executable, "-m", "cli_tuner", "run", "data", str(config), *place, *more]

    def __call__(self, *more: str, prelude: str = "") -> subprocess.CompletedProcess[str]:
        command = self.command(*more)
        if prelude:
            start = f"{prelude}\nimport sys\nfrom cli_tuner.cli.main import main\nsys.exit(main())"
            command[1:3] = ["-c", start]
        ended = subprocess.run(
            command, capture_output=True, text=True, env=self.environ, timeout=120, check=False
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        assert "this is a bug" not in ended.stderr, ended.stderr
        return ended


@pytest.fixture
def program(tmp_path: Path, byte_model: Path) -> Runner:
    write_lines(tmp_path / "rows.jsonl", different_pairs(80))
    return Runner(tmp_path, byte_model)


def last_line(ended: subprocess.CompletedProcess[str]) -> str:
    return ended.stderr.strip().splitlines()[-1]


def test_it_prints_the_folder_on_stdout_and_the_rest_on_stderr(program):
    ended = program()
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"{program.output}/small\n"
    assert "80 rows read" in ended.stderr
    assert open_artifact(program.output / "small")


def test_json_is_one_document(program):
    document = json.loads(program("--json").stdout)
    assert document["schema_version"] == "1"
    assert document["address"] == open_artifact(program.output / "small").address


def test_a_value_is_changed_on_the_command_line(program):
    assert program("--set", "seed=9", "--set", "name=other").returncode == 0
    assert open_artifact(program.output / "other").provenance["config"]["seed"] == 9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sourcs=[]", '--set sourcs=[]: unknown key "sourcs"; did you mean "sources"?'),
        ("sources.0.pth=x", 'unknown key "sources.0.pth"; did you mean "path"?'),
        ("splits.test=2", "splits.test: input should be less than or equal to 1"),
        ("sources.0.path=none.jsonl", "there is no file none.jsonl"),
    ],
)
def test_a_mistake_is_one_line(program, change, said):
    ended = program("--set", change)
    assert ended.returncode in (1, 2)
    assert said in last_line(ended)


def test_a_broken_row_leaves_the_previous_set_and_names_the_line(program):
    program()
    before = open_artifact(program.output / "small").address
    with (program.folder / "rows.jsonl").open("ab") as file:
        file.write(b'{"query": "a \xff"}\n')
    ended = program()
    assert ended.returncode == 1
    assert "rows.jsonl:81: not UTF-8: byte 0xff at column 14" in last_line(ended)
    assert open_artifact(program.output / "small").address == before


def test_a_missing_extra_is_one_line(program):
    block = "import sys\nsys.modules['pyarrow'] = None\nsys.modules['zstandard'] = None"
    ended = program(prelude=block)
    assert ended.returncode == 3
    assert "install it with: pip install 'cli-tuner[data]'" in last_line(ended)


def test_a_missing_model_says_how_to_get_it(program):
    ended = program("--set", "tokenizer=fast")
    assert ended.returncode == 3
    assert "cli-tuner setup" in last_line(ended)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_in_the_middle_leaves_the_previous_set_and_no_process(program, workers):
    assert program().returncode == 0
    before = open_artifact(program.output / "small").address
    write_lines(program.folder / "rows.jsonl", different_pairs(20_000))
    child = subprocess.Popen(
        program.command(workers=workers),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=program.environ,
        start_new_session=True,
    )
    rows = program.output / ".small.staging" / "work" / "rows.jsonl"
    deadline = time.monotonic() + 90
    while not (rows.exists() and rows.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, said = child.communicate(timeout=90)
    assert child.returncode == 130
    assert said.strip().splitlines()[-1] == "cli-tuner: cancelled"
    assert "Traceback" not in said
    assert open_artifact(program.output / "small").address == before
    assert [path.name for path in program.output.iterdir() if path.is_dir()] == ["small"]
    with pytest.raises(ProcessLookupError):
        for _ in range(100):  # Python's own tracker of resources ends a moment after its parent
            os.killpg(child.pid, 0)
            time.sleep(0.1)


def test_a_run_that_is_killed_leaves_no_process_and_the_next_one_cleans_up(program):
    write_lines(program.folder / "rows.jsonl", different_pairs(20_000))
    child = subprocess.Popen(
        program.command(workers=2),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=program.environ,
        start_new_session=True,
    )
    staging = program.output / ".small.staging"
    rows = staging / "work" / "rows.jsonl"
    deadline = time.monotonic() + 90
    while not (rows.exists() and rows.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    child.kill()
    child.wait(30)
    with pytest.raises(ProcessLookupError):
        for _ in range(300):
            os.killpg(child.pid, 0)
            time.sleep(0.1)
    assert staging.exists()
    write_lines(program.folder / "rows.jsonl", different_pairs(80))
    assert program().returncode == 0
    assert not staging.exists()


def test_a_stage_that_is_not_there_is_a_usage_error(program):
    command = program.command()
    command[command.index("data")] = "dta"
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "invalid choice: 'dta'" in ended.stderr


def test_help_needs_none_of_the_extra():
    script = "import sys; sys.argv = ['cli-tuner', 'run', '--help']\n" + (
        "from cli_tuner.cli.main import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print({'pyarrow', 'datasets', 'numpy', 'yaml', 'pydantic'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip().endswith("set()")
