"""The resident process as a person meets it: the real program, the real model."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from cli_tuner.backends import wire
from cli_tuner.errors import BackendError, PolicyError, UsageError
from cli_tuner.models import load_catalogue

from .conftest import House, alive, cpu_s, question, until

pytestmark = pytest.mark.model


def test_one_life(house, asking):
    """A cold start, what the sockets are, strangers, hanging up, and the end: one engine for all.

    One test, since a cold start costs seconds.
    """
    first = house.cli("generate", "list the largest files")
    assert first.returncode == 0, first.stderr
    status = house.status()
    pid = status["pid"]
    check_sockets(house, pid)
    check_noise_disturbs_nobody(house)
    check_wrong_questions_are_sentences(house)
    check_hanging_up_frees_the_slot(house, asking)
    check_nothing_asked_is_logged(house)
    check_idle_costs_nothing(pid)
    assert house.status()["pid"] == pid
    again = house.cli("generate", "list the largest files")
    assert again.stdout == first.stdout
    stopped = house.cli("stop")
    assert stopped.stderr == "stopped 1 engine\n"
    assert until(lambda: not alive(pid))
    assert house.sockets() == []
    assert house.cli("stop").stderr == "no engine was running\n"


def check_sockets(house, pid):
    modes = {
        path.name.split("-")[0]: oct(path.stat().st_mode & 0o777)
        for path in house.paths.runtime.glob("*.sock")
    }
    assert modes == {"engine": "0o600", "llama": "0o600"}
    assert house.paths.runtime.stat().st_mode & 0o777 == 0o700
    links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        assert inodes.isdisjoint(line.split()[9] for line in lines)


def check_noise_disturbs_nobody(house):
    held = [house.connect() for _ in range(20)]
    for number, connection in enumerate(held):
        if number % 2:
            connection.sendall(b'{"op": "generate", "query": "half a li')
    garbage = house.connect()
    garbage.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert "not JSON" in str(wire.receive(garbage))
    flood = house.connect()
    try:
        flood.sendall(b"x" * 5_000_000)
        assert "too long" in str(wire.receive(flood))
    except ConnectionError:
        pass  # told, but it was still talking
    empty = house.connect()
    empty.close()
    began = time.monotonic()
    assert house.ask("show the date")["response"]["command"]
    assert time.monotonic() - began < 30
    for connection in (*held, garbage, flood):
        connection.close()


def check_wrong_questions_are_sentences(house):
    for message, kind in (
        ({"op": "nothing"}, UsageError),
        ({"op": ["x"]}, UsageError),
        ({}, UsageError),
        ({"op": "generate"}, UsageError),
        ({"op": "generate", "query": "x", "max_new_tokens": "many"}, UsageError),
        ({"op": "complete"}, UsageError),
        ({"op": "complete", "request": "{}"}, UsageError),
        ({"op": "sample", "count": 2}, UsageError),
    ):
        with pytest.raises(kind):
            house.engine.ask(message)
    for limit in (0, -1, 100_000, None):
        with pytest.raises(UsageError):
            house.ask("list files", max_new_tokens=limit)
    with house.connect() as connection:
        wire.send(connection, {"op": "status", "model": "another"})
        with pytest.raises(BackendError, match="holds fast"):
            wire.raise_failure(wire.receive(connection))


def check_hanging_up_frees_the_slot(house, asking):
    house.ask("show the date")
    before = house.status()["answered"]
    callers = [asking(house, "write a long story about every bash command", 1000) for _ in range(4)]
    time.sleep(1)
    for connection in callers:
        connection.close()
    assert until(lambda: house.status()["answered"] == before + 4, 5)


def check_nothing_asked_is_logged(house):
    log = house.engine.log_path
    assert log.stat().st_mode & 0o777 == 0o600
    text = log.read_text()
    for word in ("largest", "story", "the date", "half a li"):
        assert word not in text


def check_idle_costs_nothing(pid):
    time.sleep(2)  # the engine ends the token that it was at
    before = cpu_s(pid)
    time.sleep(2)
    assert cpu_s(pid) - before <= 0.04


def test_ten_that_come_at_once_are_all_answered_by_one_engine(house):
    queries = [f"find files bigger than {size}MB" for size in range(10, 110, 10)]
    running = [house.start_cli("generate", query) for query in queries]
    ended = [(one.communicate(timeout=120), one.returncode) for one in running]
    assert [code for _, code in ended] == [0] * 10, ended
    assert all(out.strip() for (out, _), _ in ended)
    assert house.status()["answered"] >= 10
    assert len(house.sockets()) == 2


def test_an_engine_that_is_killed_is_replaced_between_and_during_questions(house):
    house.ask("show the date")
    first = house.status()["pid"]
    os.kill(first, signal.SIGKILL)
    assert house.ask("show the date")["response"]["command"]
    second = house.status()["pid"]
    replies: list[object] = []
    asker = threading.Thread(target=lambda: replies.append(house.ask("list all files")))
    asker.start()
    time.sleep(0.2)
    os.kill(second, signal.SIGKILL)
    asker.join(90)
    assert replies
    assert house.status()["pid"] not in (first, second)
    assert len(house.sockets()) == 2, "the sockets of the killed are gone"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_cleanly_even_while_it_is_loading(house, number):
    pid = house.status()["pid"]
    os.kill(pid, number)
    assert until(lambda: not alive(pid), 20)
    assert house.sockets() == []
    assert "Traceback" not in house.engine.log_path.read_text()


def test_an_idle_engine_unloads_itself(house, monkeypatch):
    monkeypatch.setenv("CLI_TUNER_IDLE_MINUTES", "0.03")
    house.ask("show the date")
    assert until(lambda: house.sockets() == [], 15)
    assert house.ask("show the date")["response"]["command"]


def test_an_adapter_answers_in_the_name_of_both(house, fast_model, tmp_path):
    adapter = register(house, write_lora(tmp_path / "house.gguf"), base_sha256=None)
    alone = house.engine._replace(model="fast+none").ask(question("list the largest files"))
    tuned = house.engine._replace(model="fast+house").ask(question("list the largest files"))
    assert tuned["response"]["command"] == alone["response"]["command"], "B is zero: no change"
    models = [reply["response"]["provenance"]["model"] for reply in (alone, tuned)]
    assert [model["adapter"] for model in models] == [None, "house"]
    assert models[1]["adapter_sha256"] == adapter
    assert models[0]["sha256"] == models[1]["sha256"]


def test_an_adapter_of_another_base_is_refused(house, tmp_path):
    register(house, write_lora(tmp_path / "house.gguf"), base_sha256="0" * 64)
    ended = house.cli("generate", "--model", "fast+house", "list the largest files")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "the adapter house was made for a base with the digest 000000" in ended.stderr


def write_lora(path: Path) -> Path:
    """A rank-1 adapter for the first layer's query projection whose B is zero."""
    import numpy
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "qwen2")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 1.0)
    writer.add_tensor("blk.0.attn_q.weight.lora_a", numpy.ones((1, 896), numpy.float32))
    writer.add_tensor("blk.0.attn_q.weight.lora_b", numpy.zeros((896, 1), numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def register(house: House, adapter: Path, base_sha256: str | None) -> str:
    """Enter an adapter into the user's catalogue and store; its digest."""
    content = adapter.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    shutil.copyfile(adapter, house.paths.models / adapter.name)
    house.paths.config.mkdir(parents=True)
    base = base_sha256 or load_catalogue(house.paths).base("fast").sha256
    (house.paths.config / "catalogue.toml").write_text(
        f'[adapter.house]\nbase = "fast"\nbase_sha256 = "{base}"\nfile = "{adapter.name}"\n'
        f'bytes = {len(content)}\nsha256 = "{digest}"\nsource = "{adapter}"\n'
    )
    return digest


def test_a_model_file_that_was_replaced_is_loaded_anew(house, fast_model, tmp_path, monkeypatch):
    copy = tmp_path / "m.gguf"
    shutil.copyfile(fast_model, copy)
    monkeypatch.setenv("CLI_TUNER_MODEL", str(copy))
    try:
        before = house.ask("show the date")["response"]["command"]
        pid = house.status()["pid"]
        os.utime(copy, (1, 1))
        assert house.ask("show the date")["response"]["command"] == before
        assert house.status()["pid"] != pid
        assert until(lambda: not alive(pid))
    finally:
        copy.unlink()


@pytest.mark.parametrize(
    ("content", "code"), [(b"GGUF" + b"\xff" * 5000, 5), (b"no model", 3), (b"", 3), (None, 3)]
)
def test_a_file_that_is_no_model_is_one_line_and_no_engine_stays(house, tmp_path, content, code):
    path = tmp_path / "m.gguf"
    if content is not None:
        path.write_bytes(content)
    ended = house.cli("generate", "--model", str(path), "list all files")
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert "m.gguf" in ended.stderr
    assert until(lambda: house.sockets() == [])


def test_wrong_settings_are_told_by_the_engine_that_cannot_start(house):
    engine = house.engine
    house.paths.config.mkdir(parents=True)
    house.paths.config_file.write_text('severty = "x"\n')
    with pytest.raises(UsageError, match='unknown key "severty"'):
        engine.ask({"op": "status"})
    assert house.sockets() == []


def test_the_policy_of_the_folder_of_each_question_is_in_force(house, tmp_path):
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / ".cli-tuner").mkdir()
    policy = folder / ".cli-tuner" / "policy.toml"

    def asked() -> dict:
        return house.ask("list the largest files", cwd=str(folder))["response"]

    assert asked()["safety"] == "moderate"
    policy.write_text('safety = "strict"\n')
    assert asked()["safety"] == "strict"
    assert asked()["verdict"]["policy_digest"] != digest_elsewhere(house)
    policy.write_text("[[allow]]\n")
    with pytest.raises(PolicyError, match="not for a project policy"):
        asked()
    with pytest.raises(UsageError, match="cwd"):
        house.ask("list the largest files", cwd=None)
    assert house.ask("list the largest files")["response"]["safety"] == "moderate"


def digest_elsewhere(house) -> str:
    return house.ask("list the largest files")["response"]["verdict"]["policy_digest"]
