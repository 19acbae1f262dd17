"""The guard's opinion comes from the resident process where there is one, and is the same."""

from __future__ import annotations

import socket
import threading

import pytest

from cli_tuner.backends import wire
from cli_tuner.backends.engine import Engine
from cli_tuner.errors import PolicyError
from cli_tuner.hook.opinion import Opinion, opinion_on
from cli_tuner.hook.protocol import Agent, Question
from cli_tuner.resident.serve import Resident
from cli_tuner.settings import load_settings, private_folder


def question(command, folder="/srv/app"):
    return Question(Agent.CLAUDE, command, folder)


@pytest.fixture
def socket_path(paths):
    path = Engine.of(load_settings(), paths).socket_path
    private_folder(path.parent)
    return path


@pytest.fixture
def resident(socket_path, monkeypatch):
    """The resident process without a model, in a thread; it counts what the hook asks."""
    monkeypatch.setattr("cli_tuner.resident.serve.Loading", lambda *_: _Unloaded())
    server = Resident(socket_path, load_settings().model, 1, 60.0)
    asked = []
    answer = server._check
    monkeypatch.setattr(server, "_check", lambda *said: asked.append(said[0]) or answer(*said))
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield asked
    server.finish()
    thread.join()
    for end in (server._wake, server._waker):
        end.close()


class _Unloaded:
    is_done = False

    def close(self):
        pass


@pytest.fixture
def scripted(socket_path):
    """A listener that says what a test tells it to, whatever it is asked."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(socket_path))
    listener.listen()
    replies = []

    def serve():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            wire.receive(connection)
            for reply in replies:
                wire.send(connection, reply)

    thread = threading.Thread(target=serve)
    thread.start()
    yield replies
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.mark.parametrize(
    "command", ["ls", "git push --force", "rm -rf /", "ls\nrm -rf /", "\ud800"]
)
def test_both_give_the_same(command, paths, request):
    here = opinion_on(question(command), paths, load_settings())
    asked = request.getfixturevalue("resident")
    assert opinion_on(question(command), paths, load_settings()) == here
    assert len(asked) == 1


def test_the_resident_judges_under_the_folders_policy(resident, paths, tmp_path):
    (tmp_path / ".cli-tuner").mkdir()
    policy = tmp_path / ".cli-tuner" / "policy.toml"
    policy.write_text('safety = "strict"\n')
    found = opinion_on(question("git push --force", str(tmp_path)), paths, load_settings())
    assert (found.level, found.permitted) == ("review", False)
    policy.write_text("nonsense = 1\n")
    with pytest.raises(PolicyError, match="nonsense"):
        opinion_on(question("ls", str(tmp_path)), paths, load_settings())


@pytest.mark.parametrize(
    "reply", [{}, {"error": {"kind": "BackendError"}}, {"verdict": None}, {"verdict": []}]
)
def test_a_resident_that_has_no_verdict_is_not_believed(reply, scripted, paths):
    scripted.append(reply)
    assert opinion_on(question("rm -rf /"), paths, load_settings()).level == "dangerous"


def test_a_verdict_of_no_known_level_is_an_error(scripted, paths):
    scripted.append({"verdict": {"level": "fine", "policy": "moderate", "reasons": []}})
    with pytest.raises(TypeError):
        opinion_on(question("ls"), paths, load_settings())


def test_a_resident_that_is_too_slow_is_not_waited_for(socket_path, paths):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_path))
        listener.listen()
        assert opinion_on(question("ls"), paths, load_settings()) == Opinion("safe", True, ())
