"""The quarter's retraining in deploy/: each of its commands is one that there is, in their order.

A stand-in for the program takes each command apart with the real parser, reads the real
configuration with what the command changes in it, and says where the result would be.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli_tuner.errors import Exit
from cli_tuner.release.manifest import check_version

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SCRIPT = DEPLOY / "retrain" / "cli-tuner-retrain"
STAND_IN = """
import json, os, sys
from importlib import import_module
from pathlib import Path
from cli_tuner.artifacts import load_config
from cli_tuner.cli.parser import build_parser
from cli_tuner.cli.run import STAGES, _changes

given = build_parser().parse_args(sys.argv[1:])
what = given.action if given.command == "release" else given.stage
row = {"what": what, "arguments": sys.argv[1:]}
if what in STAGES:
    kind = import_module(STAGES[what]).STAGE.config
    config = load_config(Path(given.config[0]), kind, _changes(given))
    row["config"] = config.model_dump(mode="json")
    print(f"{config.output}/{config.name}")
with open(os.environ["LOG"], "a") as log:
    print(json.dumps(row), file=log)
failing, _, status = os.environ.get("FAILS", "").partition("=")
sys.exit(int(status) if what == failing else 0)
"""
ORDER = ["data", "train", "evaluate", "evaluate", "compare", "build"]


@pytest.fixture
def retrain(tmp_path):
    """Run the script: `retrain(*arguments, **environment)`; how it ended, and what it started."""
    program = tmp_path / "cli-tuner"
    program.write_text(f"#!{sys.executable}\n{STAND_IN}")
    program.chmod(0o755)
    log = tmp_path / "log"

    def run(*arguments, **environment):
        log.write_text("")
        ended = subprocess.run(
            ["/bin/sh", SCRIPT, *arguments],
            capture_output=True, text=True, check=False, cwd=ROOT,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), **environment},
        )  # fmt: skip
        return ended, [json.loads(line) for line in log.read_text().splitlines()]

    return run


def options(row):
    """The values of a command's options."""
    words = row["arguments"]
    return {one: words[at + 1] for at, one in enumerate(words[:-1]) if one.startswith("--")}


def test_it_goes_from_data_to_a_signed_release_and_promotes_nothing(retrain):
    ended, rows = retrain("--accept", "exact match, canonical", RETRAIN_NAME="q")
    assert ended.returncode == 0, ended.stderr
    assert [row["what"] for row in rows] == ORDER
    data, train, new, old, compare, build = rows
    assert (
        train["config"]["data"]["folder"]
        == "data/processed/q"
        == f"data/processed/{data['config']['name']}"
    )
    assert (train["config"]["name"], train["config"]["base"]["model"]) == ("q", "fast")
    assert new["config"]["model"]["reference"] == "fast+q"
    assert old["config"]["model"]["reference"] == "fast"
    assert new["config"]["sets"] == old["config"]["sets"]
    assert compare["arguments"][2:4] == ["evaluation/q-current", "evaluation/q"]
    said = options(build)
    assert said["--model"] == "fast+q"
    assert said["--evaluation"] == "evaluation/q"
    assert said["--data"] == "data/processed/q"
    assert said["--accept"] == "exact match, canonical"
    version = build["arguments"][2]
    assert check_version(version, "version") == version
    assert re.fullmatch(r"0\.1\.20\d\d[1-4]", version)
    assert f"release promote {version}" in ended.stderr


@pytest.mark.parametrize("what", dict.fromkeys(ORDER))
def test_it_ends_where_something_fails_and_with_its_status(retrain, what):
    ended, rows = retrain(FAILS=f"{what}={Exit.PAUSED:d}")
    assert ended.returncode == Exit.PAUSED
    assert [row["what"] for row in rows] == ORDER[: ORDER.index(what) + 1]
    assert "release promote" not in ended.stderr
    assert ("no release was built" in ended.stderr) == (what == "build")


def test_what_is_trained_is_said_in_the_environment(retrain):
    lines = (DEPLOY / "retrain/retrain.env").read_text().splitlines()
    defaults = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert set(defaults) == set(re.findall(r"RETRAIN_(?!NAME|VERSION)\w+", SCRIPT.read_text()))
    assert retrain(**defaults)[1] == retrain()[1]
    changes = {
        "RETRAIN_TRAIN": "configs/train/balanced-v4.yaml", "RETRAIN_BASE": "balanced",
        "RETRAIN_CURRENT": "balanced+balanced-v4", "RETRAIN_SERIES": "3.2",
        "RETRAIN_POLICY": "1.4.0", "RETRAIN_LICENCE": "MIT",
    }  # fmt: skip
    rows = retrain(**changes, RETRAIN_NAME="x", RETRAIN_VERSION="3.2.1")[1]
    assert rows[1]["config"]["base"]["model"] == "balanced"
    assert rows[3]["config"]["model"]["reference"] == "balanced+balanced-v4"
    said = options(rows[5])
    assert (rows[5]["arguments"][2], said["--model"]) == ("3.2.1", "balanced+x")
    assert (said["--policy-version"], said["--licence"]) == ("1.4.0", "MIT")


@pytest.mark.parametrize(
    ("month", "quarter"), [("01", 1), ("03", 1), ("04", 2), ("08", 3), ("09", 3), ("12", 4)]
)
def test_the_quarter_follows_from_the_month(retrain, tmp_path, month, quarter):
    clock = tmp_path / "date"
    clock.write_text(f'#!/bin/sh\ntest "$2" = +%m && echo {month} || echo 2027\n')
    clock.chmod(0o755)
    ended, rows = retrain(FAILS="data=1")
    assert rows[0]["config"]["name"] == f"retrain-2027q{quarter}", ended.stderr


def test_shellcheck_finds_nothing_in_the_script():
    program = Path(sys.executable).parent / "shellcheck"
    ended = subprocess.run([program, SCRIPT], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert os.access(SCRIPT, os.X_OK)


def test_timer_and_crontab_start_it_once_a_quarter(retrain, tmp_path):
    unit = (DEPLOY / "systemd/cli-tuner-retrain.service").read_text()
    timer = (DEPLOY / "systemd/cli-tuner-retrain.timer").read_text()
    assert "OnCalendar=*-01,04,07,10-02 01:00" in timer
    assert re.findall(r"^SuccessExitStatus=(.*)$", unit, re.M) == [str(int(Exit.PAUSED))]
    assert re.findall(r"^ExecStart=(.*)$", unit, re.M) == [
        "/opt/cli-tuner-retrain/bin/cli-tuner-retrain"
    ]
    text = (DEPLOY / "cron/cli-tuner-retrain").read_text()
    (command,) = re.findall(r"^0 1 2 1,4,7,10 \* cli-tuner-retrain (.*)$", text, re.M)
    for said in ("/opt/cli-tuner-retrain/bin", "/var/lib/cli-tuner-retrain"):
        assert said in unit and said in text
    (tmp_path / "checkout").symlink_to(ROOT)
    (tmp_path / "cli-tuner-retrain").symlink_to(SCRIPT)
    retrain(FAILS="data=1")  # makes the stand-in
    log = tmp_path / "log"
    log.write_text("")
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "LOG": str(log),
        "CLI_TUNER_HOME": str(tmp_path),
    }
    ended = subprocess.run(
        ["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout
    assert [json.loads(line)["what"] for line in log.read_text().splitlines()] == ORDER
    assert "release promote" in ended.stdout, "cron mails it"
