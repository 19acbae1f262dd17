"""Where an engine lives: what is in the way, who else may be there, and whom we speak to."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cli_tuner.backends import contact
from cli_tuner.backends.engine import Engine
from cli_tuner.errors import BackendTimeout, ConfigError
from cli_tuner.settings import Paths


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_text("precious")])
def test_what_is_in_the_way_of_the_socket_is_named_and_left(engine, plan, make):
    engine.paths.runtime.mkdir(parents=True, mode=0o700)
    make(engine.socket_path)
    with pytest.raises(ConfigError, match=r"is in the way.*move it away"):
        engine.ask({"op": "a"})
    with pytest.raises(ConfigError, match="is in the way"):
        engine.stop()
    assert engine.socket_path.exists()
    assert plan.started == []


def test_a_folder_in_the_way_of_the_lock_is_named(engine):
    engine.paths.runtime.mkdir(parents=True, mode=0o700)
    engine.socket_path.with_suffix(".lock").mkdir()
    with pytest.raises(ConfigError, match="cannot use the lock"):
        engine.ask({"op": "a"})


def test_a_folder_in_the_way_of_the_log_is_named(engine):
    engine.log_path.mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot write"):
        engine.ask({"op": "a"})


def test_a_log_that_is_a_link_is_not_followed(engine, tmp_path):
    engine.log_path.parent.mkdir(parents=True)
    (tmp_path / "precious").write_text("precious")
    engine.log_path.symlink_to(tmp_path / "precious")
    with pytest.raises(ConfigError, match="cannot write"):
        engine.ask({"op": "a"})
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_runtime_folder_that_is_a_file_is_a_sentence(engine):
    engine.paths.runtime.parent.mkdir(parents=True)
    engine.paths.runtime.write_text("")
    with pytest.raises(ConfigError, match="CLI_TUNER_HOME"):
        engine.ask({"op": "a"})


def test_a_runtime_folder_that_cannot_be_made_is_a_sentence(plan):
    engine = Engine("fake", 1, 1.0, 10.0, Paths.of({"CLI_TUNER_HOME": "/proc/nowhere"}))
    with pytest.raises(ConfigError, match=r"cannot use the folder /proc/nowhere/run"):
        engine.ask({"op": "a"})


def test_a_runtime_folder_that_is_a_link_is_refused(engine, plan, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    engine.paths.runtime.parent.mkdir(parents=True)
    engine.paths.runtime.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="not a folder of this user"):
        engine.ask({"op": "a"})
    assert plan.started == []


def test_a_runtime_folder_that_others_may_enter_is_closed_to_them(engine):
    engine.paths.runtime.mkdir(parents=True)
    engine.paths.runtime.chmod(0o777)
    engine.ask({"op": "a"})
    assert engine.paths.runtime.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_socket_in_a_folder_of_somebody_else_is_not_spoken_to(engine, plan):
    engine.paths.runtime.mkdir(parents=True, mode=0o700)
    with listening(engine.socket_path) as listener:
        os.chown(engine.paths.runtime, 65534, 65534)
        with pytest.raises(ConfigError, match="not a folder of this user"):
            engine.ask({"op": "a"})
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_a_socket_of_somebody_else_in_our_folder_is_not_spoken_to(engine, monkeypatch):
    engine.paths.runtime.mkdir(parents=True, mode=0o700)
    with listening(engine.socket_path):
        monkeypatch.setattr(contact, "peer_uid", lambda _: 65534)
        with pytest.raises(ConfigError, match="belongs to another user"):
            engine.ask({"op": "a"})


def test_the_kernel_says_who_is_on_the_other_side():
    here, there = socket.socketpair()
    with here, there:
        assert contact.peer_uid(here) in (os.getuid(), None)


def test_a_busy_engine_is_waited_for_and_its_socket_is_left(engine, monkeypatch):
    engine.paths.runtime.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr(contact, "_BUSY_TIMEOUT_S", 0.2)
    with listening(engine.socket_path, backlog=0):
        crowd = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for client in crowd:
            client.setblocking(False)
            try:
                client.connect(str(engine.socket_path))
            except BlockingIOError:
                break
        with pytest.raises(BackendTimeout, match="too busy"):
            engine.ask({"op": "a"})
        for client in crowd:
            client.close()
    assert engine.socket_path.exists()


def listening(path: Path, backlog: int = 5) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(backlog)
    return listener
