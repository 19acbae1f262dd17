"""Finding, starting and asking an engine, against a process that does as it is told."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from cli_tuner import __version__
from cli_tuner.backends import start
from cli_tuner.backends.engine import Engine, running, stop_all
from cli_tuner.backends.local import LocalBackend
from cli_tuner.backends.protocol import Sampling
from cli_tuner.errors import (
    BackendError,
    BackendTimeout,
    BackendUnreachable,
    Cancelled,
    ModelMissing,
    UsageError,
)
from cli_tuner.records import Finish, ModelIdentity, RawModelOutput
from cli_tuner.settings import Settings


def test_the_first_question_starts_it_and_the_second_finds_it(engine, plan):
    first, second = engine.ask({"op": "a"}), engine.ask({"op": "b"})
    assert first["asked"] == {"op": "a", "model": "fake"}
    assert first["pid"] == second["pid"]
    assert plan.started == [first["pid"]]


def test_socket_lock_and_log_are_for_this_user_alone(engine):
    engine.ask({"op": "a"})
    files = [engine.socket_path.with_suffix(".lock"), engine.log_path]
    assert [oct(path.stat().st_mode & 0o777) for path in files] == ["0o600"] * 2
    folders = [engine.socket_path.parent, engine.log_path.parent]
    assert [oct(path.stat().st_mode & 0o777) for path in folders] == ["0o700"] * 2


def test_the_engine_is_detached_and_leaves_no_zombie_to_who_started_it(engine):
    pid = engine.ask({"op": "a"})["pid"]
    status = Path(f"/proc/{pid}/status").read_text()
    assert f"PPid:\t{os.getpid()}\n" not in status
    assert os.getsid(pid) != os.getsid(0)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_key_of_an_endpoint_is_not_handed_to_the_engine(engine, monkeypatch):
    monkeypatch.setenv("CLI_TUNER_API_KEY", "sk-secret")
    assert engine.ask({"op": "a"})["key"] is None


def test_a_stale_socket_is_replaced(engine, plan):
    engine.paths.runtime.mkdir(parents=True, mode=0o700)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(engine.socket_path))
    left.close()
    assert engine.ask({"op": "a"})["pid"] in plan.started


def test_an_engine_that_was_killed_between_questions_is_replaced(engine, plan):
    os.kill(engine.ask({"op": "a"})["pid"], signal.SIGKILL)
    assert engine.ask({"op": "b"})["pid"] == plan.started[-1]
    assert len(plan.started) == 2


def test_clients_that_come_at_once_start_one_process(engine, plan):
    pids: list[int] = []
    clients = [
        threading.Thread(target=lambda: pids.append(engine.ask({"op": "a"})["pid"]))
        for _ in range(6)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert len(pids) == 6
    assert len(set(pids)) == len(plan.started) == 1


def test_an_engine_that_dies_on_a_question_is_asked_once_more(engine, plan):
    plan.answers("die", "answer")
    assert engine.ask({"op": "a"})["pid"] == plan.started[1]
    assert len(plan.started) == 2


def test_an_engine_that_dies_twice_is_reported_and_not_started_again(engine, plan):
    plan.answers("die")
    with pytest.raises(BackendUnreachable, match=r"stopped twice.*models verify"):
        engine.ask({"op": "a"})
    assert len(plan.started) == 2


def test_an_engine_whose_model_was_replaced_gives_way_to_a_new_one(engine, plan):
    plan.answers("stale", "answer")
    began = time.monotonic()
    assert engine.ask({"op": "a"})["pid"] == plan.started[1]
    assert time.monotonic() - began < 5


def test_no_answer_in_time_is_a_timeout_and_the_engine_hears_the_connection_close(engine, plan):
    plan.answers("silent")
    with pytest.raises(BackendTimeout, match=r"within 0\.3 s"):
        engine._replace(timeout_s=0.3).ask({"op": "a"})
    assert appears(plan.folder / "left") == "True"


def test_cancelling_closes_the_connection_soon(engine, plan, request_for):
    plan.answers("answer", "silent")
    engine.ask({"op": "a"})
    began = time.monotonic()
    with pytest.raises(Cancelled):
        LocalBackend(engine).complete(
            request_for("list files"), Sampling(), lambda: time.monotonic() - began > 0.2
        )
    assert time.monotonic() - began < 1
    assert appears(plan.folder / "left") == "True"


def test_ctrl_c_in_the_client_closes_the_connection(engine, plan):
    plan.answers("silent")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.ask({"op": "a"}, meanwhile=interrupt)
    assert appears(plan.folder / "left") == "True"


def test_ctrl_c_while_it_starts_leaks_nothing(engine, plan, monkeypatch):
    before = open_files()

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "_ready_line", interrupt)
    with pytest.raises(KeyboardInterrupt):
        engine.ask({"op": "a"})
    assert open_files() == before


def test_questions_leak_no_file_descriptor(engine, plan):
    engine.ask({"op": "a"})
    before = open_files()
    for _ in range(20):
        engine.ask({"op": "a"})
    assert open_files() == before


def test_a_process_with_many_open_files_can_start_and_ask(engine):
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
    try:
        assert engine.ask({"op": "a"}, cancelled=lambda: False)["pid"]
    finally:
        for handle in opened:
            os.close(handle)


def test_an_answer_that_is_no_message_is_an_error(engine, plan):
    plan.answers("garbage")
    with pytest.raises(BackendError, match="not JSON"):
        engine.ask({"op": "a"})


def test_samples_are_one_question_and_must_be_as_many_as_asked_for(
    engine, request_for, monkeypatch
):
    asked = []

    def ask(_, message, cancelled=None):
        asked.append(message)
        output = RawModelOutput(
            request_id=request_for("list files").request_id,
            text="ls",
            finish=Finish.STOP,
            model=ModelIdentity(name="fast", backend="local", engine="test"),
        )
        return {"outputs": [output.model_dump_json()] * 2}

    monkeypatch.setattr(Engine, "ask", ask)
    backend = LocalBackend(engine)
    sampling = Sampling(temperature=0.8, seed=1)
    assert len(backend.sample(request_for("list files"), sampling, 2)) == 2
    assert [(one["op"], one["count"], one["seed"]) for one in asked] == [("sample", 2, 1)]
    with pytest.raises(BackendError, match="incomplete"):
        backend.sample(request_for("list files"), sampling, 3)


def test_an_answer_without_a_completion_is_an_error(engine, request_for):
    with pytest.raises(BackendError, match="incomplete"):
        LocalBackend(engine).complete(request_for("list files"), Sampling())
    with pytest.raises(BackendError, match="incomplete"):
        LocalBackend(engine).sample(request_for("list files"), Sampling(), 2)
    with pytest.raises(BackendError, match="incomplete"):
        _ = LocalBackend(engine).identity


def test_what_the_engine_says_is_wrong_at_its_start_is_raised_as_what_it_is(engine, plan):
    plan.starts("refuse")
    with pytest.raises(ModelMissing, match="run: cli-tuner setup"):
        engine.ask({"op": "a"})


def test_an_engine_that_crashes_at_its_start_is_quoted(engine, plan):
    plan.starts("mute")
    with pytest.raises(BackendUnreachable, match="RuntimeError: the disk is on fire"):
        engine.ask({"op": "a"})


def test_only_this_start_is_quoted_from_the_log(engine, plan):
    engine.log_path.parent.mkdir(parents=True)
    engine.log_path.write_text("an older story\n")
    plan.starts("mute")
    with pytest.raises(BackendUnreachable, match="on fire"):
        engine.ask({"op": "a"})
    assert engine.log_path.read_text().startswith("an older story\n")


def test_a_log_that_has_grown_is_begun_anew(engine):
    engine.log_path.parent.mkdir(parents=True)
    engine.log_path.write_text("x" * 2_000_000)
    engine.ask({"op": "a"})
    assert engine.log_path.stat().st_size < 1000


def test_an_engine_that_never_gets_ready_is_ended(engine, plan, monkeypatch):
    monkeypatch.setattr(start, "START_TIMEOUT_S", 1.0)
    plan.starts("hang")
    with pytest.raises(BackendTimeout, match="did not start"):
        engine.ask({"op": "a"})
    assert ended(plan.started[0])


def test_an_engine_that_is_gone_at_once_is_reported(engine, plan):
    plan.starts("gone")
    with pytest.raises(BackendUnreachable, match="started and stopped"):
        engine.ask({"op": "a"})


def test_a_program_that_cannot_be_started_is_a_sentence(engine, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(BackendUnreachable, match="could not be started"):
        engine.ask({"op": "a"})


def test_stop_ends_it_and_says_whether_there_was_one(engine, plan):
    assert engine.stop() is False
    engine.ask({"op": "a"})
    assert engine.stop() is True
    assert not engine.socket_path.exists()
    assert ended(plan.started[0])


def test_stop_all_counts_the_running_and_removes_the_stale(engine, plan):
    engine.ask({"op": "a"})
    other = engine._replace(model="other")
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(other.socket_path))
    left.close()
    assert stop_all(engine.paths) == 1
    assert list(engine.paths.runtime.glob("*.sock")) == []


def test_stopping_where_nothing_ever_ran_is_fine(paths):
    assert stop_all(paths) == 0
    assert running(paths) == []
    assert not paths.runtime.exists()


def test_running_tells_what_answers_and_starts_nothing(engine, plan):
    assert running(engine.paths) == []
    pid = engine.ask({"op": "a"})["pid"]
    assert [(item["pid"], item["socket"]) for item in running(engine.paths)] == [
        (pid, str(engine.socket_path))
    ]
    plan.answers("garbage")
    assert running(engine.paths) == []


def test_what_is_held_names_the_socket(paths, tmp_path):
    base = Engine("fast", 2, 15.0, 60.0, paths)
    elsewhere = paths._replace(state=tmp_path / "state")
    others = [
        base._replace(model="balanced"),
        base._replace(threads=1),
        base._replace(paths=elsewhere),
        base._replace(model="caf\udce9"),
    ]
    same = [base._replace(idle_minutes=1.0), base._replace(timeout_s=1.0)]
    assert len({item.socket_path for item in (base, *others)}) == len(others) + 1
    assert {item.socket_path for item in same} == {base.socket_path}


def test_another_version_of_the_program_is_another_engine(paths, monkeypatch):
    before = Engine("fast", 2, 15.0, 60.0, paths).socket_path
    monkeypatch.setattr("cli_tuner.backends.engine.__version__", f"{__version__}.1")
    assert Engine("fast", 2, 15.0, 60.0, paths).socket_path != before


@pytest.mark.parametrize("given", ["m.gguf", "./m.GGUF", "sub/m.gguf", "M.GGUF"])
def test_a_path_is_made_absolute_since_the_engine_lives_elsewhere(
    paths, tmp_path, monkeypatch, given
):
    monkeypatch.chdir(tmp_path)
    model = Engine.of(Settings(model=given), paths).model
    assert model == str(tmp_path / given)


@pytest.mark.parametrize("name", ["fast", "fast+house", "-x", ""])
def test_a_name_stays_a_name(paths, name):
    assert Engine.of(Settings(model=name), paths).model == name


def test_a_name_that_looks_like_an_option_reaches_the_engine(engine):
    assert engine._replace(model="--ready-fd").ask({"op": "a"})["asked"]["model"] == "--ready-fd"


def test_a_nul_in_the_model_is_refused(paths):
    with pytest.raises(UsageError, match="NUL"):
        Engine.of(Settings(model="a\0b"), paths)


def appears(path: Path) -> str:
    deadline = time.monotonic() + 5
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.01)
    return path.read_text()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def ended(pid: int) -> bool:
    """Whether the process ends within five seconds; one that nobody reaps has ended too."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False
