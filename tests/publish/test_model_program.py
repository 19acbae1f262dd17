"""`cli-tuner publish model` and `verify` as a user runs them, against a Hub on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.cli.main import main
from cli_tuner.prompt import SYSTEM
from cli_tuner.release.signing import keygen
from cli_tuner.settings import Paths


class Ended(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def paths(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Paths]:
    """This process knows our Hub, a token and a key of its own, and uploads without Xet."""
    import huggingface_hub
    from huggingface_hub import constants

    for name, value in environ.items():
        if name not in ("PATH", "HOME"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.chdir(tmp_path)
    paths = Paths.of()
    keygen(paths)
    yield paths
    huggingface_hub.close_session()


@pytest.fixture
def folders(kit: Any) -> list[Any]:
    """The run, its data, two evaluations and merged files, as arguments."""
    base = kit.make_evaluation("base-dev", of="base", right="100")
    tuned = kit.make_evaluation("tiny-dev")
    merged = kit.make_merged("Q4_K_M")
    more = ["--evaluation", base, "--evaluation", tuned, "--merged", merged]
    return [kit.run, "--data", kit.data, *more, "--licence", "Apache-2.0"]


@pytest.fixture
def publish(folders: list[Any], capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """`publish("--tag", "v1.0.0")`: the model goes to team/tiny."""

    def run(*arguments: str | Path) -> Ended:
        given = ["publish", "model", *folders, "--repo", "team/tiny", *arguments]
        status = main([str(one) for one in given])
        return Ended(status, *capsys.readouterr())

    return run


def held(hub: Any) -> dict[str, bytes]:
    """What the newest commit of team/tiny holds."""
    files = hub.repos["model", "team/tiny"].commits[-1].files
    return {path: blob.data for path, blob in files.items() if path != ".gitattributes"}


def written(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_everything_of_a_model_is_in_its_repository(publish, hub, kit):
    ended = publish("--public", "--tag", "cli-tuner-v1.0.0")
    assert ended.status == 0, ended.err
    assert ended.out == f"{hub.url}/team/tiny\n"
    files = held(hub)
    assert sorted(files) == [
        "Modelfile",
        "README.md",
        "SHA256SUMS",
        "SHA256SUMS.sig",
        "adapter/tiny-v1.gguf",
        "bom.json",
        "curves.png",
        "data-provenance.json",
        "evaluation/base-dev/results.json",
        "evaluation/tiny-dev/results.json",
        "metrics.jsonl",
        "params",
        "peft/adapter_config.json",
        "peft/adapter_model.safetensors",
        "provenance.json",
        "record.json",
        "template",
        "tiny-v1-Q4_K_M.gguf",
        "variants/tiny-v1-q4_0-out-q6_k.gguf",
    ]
    assert files["adapter/tiny-v1.gguf"] == kit.adapter.read_bytes()
    assert SYSTEM.encode() in files["Modelfile"]
    assert hub.repos["model", "team/tiny"].tags == {
        "cli-tuner-v1.0.0": hub.repos["model", "team/tiny"].commits[-1].id
    }
    assert not hub.repos["model", "team/tiny"].private


def test_what_the_model_said_stays_at_home(publish, hub):
    assert publish().status == 0
    assert not any(b"rm -rf /" in data for data in held(hub).values())


def test_the_bill_of_materials_names_every_file_of_weights(publish, hub, kit):
    assert publish("--tag", "v1.2.0").status == 0
    files = held(hub)
    bom = json.loads(files["bom.json"])
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["version"] == "1.2.0"
    digests = {
        part["bom-ref"]: part["hashes"][0]["content"]
        for part in bom["components"]
        if part["type"] == "machine-learning-model"
    }
    assert digests == {
        "weights/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf": kit.base_sha256,
        "weights/adapter/tiny-v1.gguf": sha256_of_file(kit.adapter),
        **{
            f"weights/{name}": sha256_of_file(path)
            for name, path in (
                ("tiny-v1-Q4_K_M.gguf", kit.root / "quantized/tiny-v1/tiny-v1-q4_k_m.gguf"),
                (
                    "variants/tiny-v1-q4_0-out-q6_k.gguf",
                    kit.root / "quantized/tiny-v1/tiny-v1-q4_0-out-q6_k.gguf",
                ),
            )
        },
    }
    [data] = [part for part in bom["components"] if part["type"] == "data"]
    assert [one["license"]["id"] for one in data["licenses"]] == ["Apache-2.0", "CC-BY-4.0", "MIT"]
    metrics = bom["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]
    assert [one["type"] for one in metrics["performanceMetrics"]] == [
        "tiny-dev / dev / domain / exact_canonical",
        "tiny-dev / dev / domain / bleu",
    ]


def test_the_dry_run_writes_byte_for_byte_what_is_uploaded(publish, hub, kit, environ, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    dry = publish("--dry-run", "--tag", "v1.0.0")
    assert dry.status == 0, dry.err
    assert hub.seen == []
    monkeypatch.setenv("HF_TOKEN", environ["HF_TOKEN"])
    assert publish("--tag", "v1.0.0").status == 0
    here = written(kit.run.with_name("tiny-v1.publish"))
    assert here == held(hub)
    assert [line.split()[0] for line in dry.out.splitlines()][-2:] == [
        "SHA256SUMS",
        "SHA256SUMS.sig",
    ]


def test_a_second_run_uploads_nothing(publish, hub):
    first = json.loads(publish("--json", "--tag", "v1.0.0").out)
    hub.seen = []
    again = json.loads(publish("--json", "--tag", "v1.0.0").out)
    assert (first["created"], again["created"]) == (True, False)
    assert (again["sent"], again["removed"]) == ([], [])
    assert again["commit"] == first["commit"]
    assert hub.sent_bytes() == 0
    assert not hub.lines("/commit/")


def test_a_failed_upload_is_resumed_where_it_was(publish, hub, kit, make_fault):
    weights = sha256_of_file(kit.run / "peft" / "adapter_model.safetensors")
    hub.faults = [make_fault(f"^PUT /lfs/{weights}", status=507)]
    failed = publish()
    assert failed.status == 1
    assert "the Hub has no room for it" in failed.err
    assert len(hub.repos["model", "team/tiny"].commits) == 1
    arrived = set(hub.store)
    assert sha256_of_file(kit.adapter) in arrived
    assert weights not in arrived
    hub.seen = []
    assert publish().status == 0
    sent = {line.split("/")[2].partition("?")[0] for line in hub.lines("^PUT /lfs/")}
    assert weights in sent
    assert not sent & arrived
    assert len(hub.repos["model", "team/tiny"].commits) == 2


def test_a_killed_upload_is_resumed_where_it_was(publish, folders, hub, environ, make_fault):
    weights = sha256_of_file(folders[0] / "peft" / "adapter_model.safetensors")
    hub.faults = [make_fault(f"^PUT /lfs/{weights}", stall=True)]
    command = ["-m", "cli_tuner", "publish", "model", *map(str, folders), "--repo", "team/tiny"]
    killed = subprocess.Popen(
        [sys.executable, *command],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert hub.stalled.wait(120)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    stored = set(hub.store)
    hub.seen = []
    assert stored
    assert publish().status == 0
    sent = {line.split("/")[2].partition("?")[0] for line in hub.lines("^PUT /lfs/")}
    assert not sent & stored


def test_files_that_are_no_longer_part_of_it_leave_with_the_signature(publish, hub, kit):
    assert publish().status == 0
    arguments = [kit.run, "--data", kit.data, "--licence", "Apache-2.0", "--unsigned"]
    given = ["publish", "model", *map(str, arguments), "--repo", "team/tiny"]
    assert main(given) == 0
    files = held(hub)
    assert "tiny-v1-Q4_K_M.gguf" not in files
    assert "SHA256SUMS.sig" not in files
    assert "SHA256SUMS" in files


def test_a_download_is_verified_and_a_change_is_found(publish, hub, tmp_path, capsys):
    assert publish().status == 0
    there = tmp_path / "there"
    for name, data in held(hub).items():
        path = there / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (there / ".gitattributes").write_text("*.gguf filter=lfs\n")
    (there / "notes.txt").write_text("mine")
    capsys.readouterr()
    assert main(["publish", "verify", str(there)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("17 files unchanged, signed by ")
    assert "not part of it: notes.txt" in said.err
    assert ".gitattributes" not in said.err
    (there / "Modelfile").write_text("FROM ./other.gguf\n")
    assert main(["publish", "verify", str(there)]) == 12
    assert "Modelfile is changed" in capsys.readouterr().err


def test_changed_digests_do_not_fit_the_signature(publish, hub, tmp_path, capsys):
    assert publish("--dry-run", "--out", tmp_path / "out").status == 0
    sums = tmp_path / "out" / "SHA256SUMS"
    lines = sums.read_text().splitlines(keepends=True)
    (tmp_path / "out" / lines[0].split()[1]).unlink()
    sums.write_text("".join(lines[1:]))
    assert main(["publish", "verify", str(tmp_path / "out")]) == 12
    assert "does not fit what it signs" in capsys.readouterr().err


def test_a_signature_of_a_release_is_none_for_a_package(publish, paths, tmp_path, capsys):
    from cli_tuner.release.signing import PRIVATE, sign

    assert publish("--dry-run", "--out", tmp_path / "out").status == 0
    raw = (tmp_path / "out" / "SHA256SUMS").read_bytes()
    (tmp_path / "out" / "SHA256SUMS.sig").write_bytes(sign(raw, paths.config / PRIVATE))
    assert main(["publish", "verify", str(tmp_path / "out")]) == 12
    assert "does not fit what it signs" in capsys.readouterr().err


def test_a_package_without_a_signature_is_verified_only_on_request(publish, tmp_path, capsys):
    assert publish("--dry-run", "--unsigned", "--out", tmp_path / "out").status == 0
    assert main(["publish", "verify", str(tmp_path / "out")]) == 12
    assert "is not signed" in capsys.readouterr().err
    assert main(["publish", "verify", str(tmp_path / "out"), "--unsigned", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == {"schema_version": "1", "files": 17, "key": None, "not_covered": []}


def test_a_version_that_names_other_content_is_refused_before_anything_is_sent(publish, hub, kit):
    assert publish("--tag", "v1.0.0").status == 0
    kit.make_evaluation("tiny-dev", right="110")
    hub.seen = []
    ended = publish("--tag", "v1.0.0")
    assert ended.status == 1
    assert "version v1.0.0 exists with other content" in ended.err
    assert hub.sent_bytes() == 0


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--tag", "1.0"], 2, "is not a version"),
        (["--git-tag"], 2, "--git-tag needs --tag"),
        (["--key", "nothing.key"], 1, "there is no signing key"),
        (["--out", "x"], 2, "--dry-run"),
        (["--data", "nothing"], 2, "there is no folder"),
    ],
)
def test_what_is_wrong_is_one_line_and_a_status(publish, hub, arguments, status, words):
    ended = publish(*arguments)
    assert (ended.status, ended.out) == (status, "")
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1
    assert hub.sent_bytes() == 0


def test_a_model_needs_its_data_and_a_place(kit, capsys):
    assert main(["publish", "model", str(kit.run), "--repo", "team/tiny", "--dry-run"]) == 2
    assert "needs --data" in capsys.readouterr().err
    assert main(["publish", "model", str(kit.run), "--data", str(kit.data), "--dry-run"]) == 2
    assert "OWNER/NAME" in capsys.readouterr().err


def test_run_and_data_are_looked_for_where_the_stages_write(publish, kit, capsys):
    given = ["publish", "model", "tiny-v1", "--data", "mix", "--licence", "Apache-2.0"]
    assert main([*given, "--repo", "team/tiny", "--dry-run"]) == 0
    assert "adapter/tiny-v1.gguf" in capsys.readouterr().out


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[..., str]:
    """Make the current folder a checkout; the function runs git in it."""

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "--quiet")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    (tmp_path / "code.py").write_text("x = 1\n")
    git("add", "code.py")
    git("commit", "--quiet", "--message", "code")
    return git


def test_git_gets_the_version_s_name_only_on_request(publish, checkout):
    assert publish("--tag", "cli-tuner-v1.0.0").status == 0
    assert checkout("tag", "--list") == ""
    ended = publish("--tag", "cli-tuner-v1.0.0", "--git-tag")
    assert ended.status == 0, ended.err
    assert checkout("tag", "--list") == "cli-tuner-v1.0.0"
    assert checkout("rev-parse", "cli-tuner-v1.0.0^{commit}") == checkout("rev-parse", "HEAD")
    assert "git push origin cli-tuner-v1.0.0" in ended.err
    assert publish("--tag", "cli-tuner-v1.0.0", "--git-tag").status == 0


def test_a_dry_run_names_no_commit(publish, checkout):
    ended = publish("--tag", "cli-tuner-v1.0.0", "--git-tag", "--dry-run")
    assert ended.status == 0, ended.err
    assert "the git tag cli-tuner-v1.0.0 would name" in ended.err
    assert checkout("tag", "--list") == ""


def test_a_git_tag_never_moves_and_never_names_what_is_in_no_commit(
    publish, checkout, hub, tmp_path
):
    (tmp_path / "code.py").write_text("x = 2\n")
    refused = publish("--tag", "v1.0.0", "--git-tag")
    assert refused.status == 2
    assert "changes that are in no commit" in refused.err
    checkout("tag", "v1.0.0")
    checkout("commit", "--quiet", "--all", "--message", "more")
    refused = publish("--tag", "v1.0.0", "--git-tag")
    assert refused.status == 2
    assert "the git tag v1.0.0 names another commit" in refused.err
    assert hub.seen == []
