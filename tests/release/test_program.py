"""`cli-tuner release`, as somebody types it."""

import pytest
from tests.release.conftest import evaluation, weights

from cli_tuner.release.slots import Slot, slot_folder


@pytest.fixture
def build(program, paths, tmp_path):
    def run(version, *more):
        model = weights(tmp_path / version / "tiny.gguf", version)
        report = evaluation(tmp_path / version / "evaluation", model)
        given = ("--model", str(model), "--evaluation", str(report), "--licence", "MIT")
        return program("release", "build", version, *given, *more)

    return run


def test_from_a_key_to_a_rollback(program, build, endpoint, tmp_path):
    bounds = tmp_path / "bounds.toml"
    bounds.write_text("latency_p95_ms = 60000\n")
    for version in ("1.0.0", "1.1.0"):
        made = build(version, "--bounds", str(bounds))
        assert (made.status, made.out.strip().endswith(version)) == (0, True)
        assert program("release", "verify", version).status == 0
        done = program("release", "promote", version, "--backend", endpoint)
        assert done.status == 0, done.err
        assert done.out == f"{version}\n"
        assert done.err.count("  passed ") == 6
    status = program("release", "status")
    assert status.out.splitlines()[0].split() == ["active", "1.1.0", "green", "whole"]
    assert status.out.splitlines()[1].split() == ["previous", "1.0.0", "blue", "whole"]
    back = program("release", "rollback", "--reason", "drill", "--json")
    assert (back.document["version"], back.document["before"]) == ("1.0.0", "1.1.0")
    assert back.document["seconds"] < 5
    canary = program("release", "canary", "1.1.0", "--share", "10", "--backend", endpoint, "--json")
    assert canary.document["version"] == "1.1.0"
    assert program("release", "status", "--json").document["share"] == 10
    assert program("release", "rollback").status == 0
    names = [one["event"] for one in program("release", "log", "--json").document["events"]]
    assert names == ["gated", "promoted"] * 2 + ["rolled_back", "gated", "canary", "rolled_back"]
    assert "rolled_back" in program("release", "log").out


def test_a_broken_slot_is_watched_and_rolled_back(program, build, endpoint, paths, tmp_path):
    for version in ("1.0.0", "1.1.0"):
        build(version)
        program("release", "promote", version, "--backend", endpoint)
    assert program("release", "watch").status == 10
    bill = slot_folder(paths, Slot.GREEN) / "manifest.json"
    bill.unlink()
    bill.write_text("{}")
    status = program("release", "status")
    assert (status.status, "Traceback" in status.err) == (12, False)
    looked = program("release", "watch", "--no-rollback", "--json")
    assert (looked.status, looked.document["rolled_back_to"]) == (11, None)
    done = program("release", "watch")
    assert (done.status, "rolled back to 1.0.0" in done.err) == (11, True)
    assert program("release", "watch", "--json").document["sign"] == "too few requests"


def test_nothing_is_said_to_be_nothing(program):
    assert program("release").status == 0
    assert "nothing is active" in program("release", "status").err
    assert program("release", "log").out == ""
    assert program("release", "status", "--json").document["active"] is None


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("build",), 2),
        (("build", "1.0.0"), 2),
        (("build", "1.0.0", "--model", "fast", "--evaluation", "nowhere"), 3),
        (("verify",), 2),
        (("verify", "1.0.0"), 1),
        (("verify", "./nowhere"), 1),
        (("promote",), 2),
        (("promote", "1.0.0"), 1),
        (("promote", "../x"), 1),
        (("canary", "1.0.0"), 2),
        (("canary", "1.0.0", "--share", "0"), 2),
        (("canary", "1.0.0", "--share", "100"), 2),
        (("canary", "1.0.0", "--share", "5"), 1),
        (("rollback",), 1),
        (("watch",), 1),
        (("keygen",), 1),
        (("dance",), 2),
    ],
)
def test_what_is_wrong_is_one_line(program, paths, arguments, status):
    ended = program("release", *arguments)
    assert (ended.status, ended.out) == (status, "")
    assert ended.err.startswith("cli-tuner: ")
    assert ended.err.count("\n") == 1


def test_a_key_is_made_and_shown(program, tmp_path):
    made = program("release", "keygen", "--json").document
    assert len(made["key"]) == 16
    assert (tmp_path / "home/config/release.pub").exists()
