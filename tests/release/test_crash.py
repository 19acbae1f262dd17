"""Killed at any instant of a switch, one whole release is active.

One process imports the program once and then forks a child for each step: the child counts what it
asks of the file system and kills itself, by SIGKILL, before the n-th. What it left is then looked
at by a process that knows nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from cli_tuner.release.log import check_log
from cli_tuner.release.slots import Slot, active, fill, read_pointer, releases, slot_folder
from cli_tuner.release.switching import promote, rollback
from cli_tuner.release.verification import verified
from cli_tuner.settings import Paths

DRIVER = r"""
import json, os, shutil, signal, sys, time
from pathlib import Path
from cli_tuner.settings import Paths, Settings
from cli_tuner.release.gates import Gates
from cli_tuner.release.switching import canary, promote, rollback
from cli_tuner.release import slots
from cli_tuner.release.verification import verified
from cli_tuner.backends.scripted import ScriptedBackend
import cli_tuner.release.bom, cli_tuner.journal.chain, cryptography.exceptions, tempfile

# The gates have tests of their own; here they would cost a second for each step.
Gates.run = lambda gates, folder: (verified(folder, gates.paths), [])
home, action = Path(sys.argv[1]), sys.argv[2]
COUNTED = {"open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}
ACTIONS = {
    "promote": lambda gates: promote("2.0.0", gates),
    "canary": lambda gates: canary("2.0.0", 10, gates),
    "rollback": lambda gates: rollback(gates.paths),
}

def armed(step, state):
    seen = [0]
    def one():
        seen[0] += 1
        if seen[0] == step:
            os.kill(os.getpid(), signal.SIGKILL)
    def hook(event, args):
        if event in COUNTED and str(state) in str(args[0] if args else ""):
            one()
    sync = os.fsync
    def fsync(handle):
        one()
        sync(handle)
        one()
    os.fsync = fsync
    sys.addaudithook(hook)

def main():
    step = 0
    while True:
        step += 1
        work = home.with_name(f"work-{step}")
        shutil.copytree(home, work)
        paths = Paths.of({"CLI_TUNER_HOME": str(work)})
        gates = Gates(paths, Settings(), lambda *_: ScriptedBackend(["ls -la"]))
        child = os.fork()
        if child == 0:
            armed(step, paths.state)
            try:
                ACTIONS[action](gates)
            except BaseException as error:
                print(repr(error), file=sys.stderr)
                os._exit(3)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"step": step, "code": code, "home": str(work)}), flush=True)
        if code >= 0:
            return

main()
"""


def ran(home, action):
    """Every step's (exit code, home): -9 for all but the last, which went through."""
    command = [sys.executable, "-W", "error", "-c", DRIVER, str(home), action]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert ended.returncode == 0, ended.stderr
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert found[-1]["code"] == 0, ended.stderr
    assert {one["code"] for one in found[:-1]} == {-9}
    print(action, len(found), "steps")
    return [one["home"] for one in found]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("action", "steps", "allowed"),
    [
        ("promote", 20, {"1.1.0", "2.0.0"}),
        ("canary", 20, {"1.1.0"}),
        ("rollback", 8, {"1.0.0", "1.1.0"}),
    ],
)
def test_killed_at_any_step(action, steps, allowed, request):
    built, gates, paths = map(request.getfixturevalue, ("built", "gates", "paths"))
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        built(version)
    promote("1.0.0", gates)
    promote("1.1.0", gates)
    home = paths.state.parent
    seen = set()
    homes = ran(home, action)
    assert len(homes) > steps
    for left in homes:
        after = Paths.of({"CLI_TUNER_HOME": left})
        pointer = read_pointer(after)
        whole = verified(slot_folder(after, pointer.active.slot), after)
        assert whole.sha256 == pointer.active.manifest_sha256
        assert active(after).active.manifest.version == pointer.active.version
        for place in (pointer.previous, pointer.canary):
            if place is not None:  # what is named is whole as well
                found = verified(slot_folder(after, place.slot), after)
                assert found.sha256 == place.manifest_sha256
        assert check_log(after).is_whole
        seen.add(pointer.active.version)
    assert seen == allowed


def test_after_a_crash_the_next_switch_tidies_up(built, gates, paths):
    for version in ("1.0.0", "1.1.0"):
        built(version)
    promote("1.0.0", gates)
    half = slot_folder(paths, Slot.GREEN).with_name(".green.staging")
    half.mkdir()
    (half / "manifest.json").write_text("{")
    (releases(paths) / ".active.json.next").write_text("half")
    promote("1.1.0", gates)
    assert active(paths).active.manifest.version == "1.1.0"
    assert not half.exists()
    rollback(paths)
    assert sorted(path.name for path in half.parent.glob("[!.]*")) == ["blue", "green"]


def test_a_slot_is_never_half_filled(built, paths, monkeypatch):
    folder = built("1.0.0")
    names = verified(folder, paths).names

    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("cli_tuner.release.slots.link_or_copy", full)
    with pytest.raises(Exception, match="disk is full"):
        fill(paths, Slot.BLUE, folder, names)
    assert not slot_folder(paths, Slot.BLUE).exists()
