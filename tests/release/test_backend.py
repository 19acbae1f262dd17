import threading
import time
from contextlib import contextmanager

import pytest

from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.backends.engine import Engine as Engine_
from cli_tuner.backends.protocol import Sampling
from cli_tuner.errors import BackendError, BackendUnreachable
from cli_tuner.models import resolve
from cli_tuner.records import (
    Finish,
    ModelIdentity,
    NormalizedRequest,
    RawModelOutput,
    new_request_id,
    sha256_of,
)
from cli_tuner.release.backend import FollowingBackend, ReleasedBackend, _stop
from cli_tuner.release.slots import Slot, active, slot_folder
from cli_tuner.release.switching import canary, promote, rollback
from cli_tuner.settings import Settings

PATIENCE_S = 20.0


class Engine:
    """Answers with the name of its weights, after `pause_s`."""

    def __init__(self, reference, paths, pause_s=0.0, broken=False):
        self.reference, self.paths, self.pause_s, self.broken = reference, paths, pause_s, broken
        self.closed = False

    @property
    def identity(self):
        if self.broken:
            raise BackendUnreachable("no such engine")
        sha256 = None if self.reference == "usual" else resolve(self.reference, self.paths).sha256
        return ModelIdentity(name=self.reference, sha256=sha256, backend="local", engine="test")

    def complete(self, request, sampling, cancelled=None):
        time.sleep(self.pause_s)
        assert not self.closed, "an engine was stopped under a request"
        return RawModelOutput(
            request_id=request.request_id, text=self.reference, finish=Finish.STOP,
            model=ModelIdentity(name="x", backend="local", engine="test"),
        )  # fmt: skip

    def sample(self, request, sampling, count, cancelled=None):
        return (self.complete(request, sampling),) * count

    def close(self):
        self.closed = True


@pytest.fixture
def engines(paths):
    return Engines(paths)


class Engines:
    def __init__(self, paths):
        self.paths, self.made, self.ended, self.said = paths, [], [], []
        self.pause_s, self.broken = 0.0, set()
        self.backend = ReleasedBackend(paths, "usual", self.start, self.end, self.said.append)

    def start(self, reference):
        broken = any(part in reference for part in self.broken)
        self.made.append(Engine(reference, self.paths, self.pause_s, broken))
        return self.made[-1]

    def end(self, backend):
        self.ended.append(backend.reference)
        backend.close()

    def ask(self, request_id=None):
        return self._name(self.backend.complete(self._request(request_id), Sampling()))

    def sampled(self, count):
        return list(map(self._name, self.backend.sample(self._request(), Sampling(), count)))

    def _request(self, request_id=None):
        return NormalizedRequest(
            request_id=request_id or new_request_id(),
            query="list files",
            prompt="list files",
            prompt_sha256=sha256_of("list files"),
            template_sha256="0" * 64,
        )

    def _name(self, output):
        return output.text.rsplit("/", 1)[-1]

    def ask_until(self, wanted):
        deadline = time.monotonic() + PATIENCE_S
        while (said := self.ask()) != wanted:
            assert time.monotonic() < deadline, said
            time.sleep(0.01)


def test_without_a_release_it_is_the_usual_model(engines):
    assert engines.ask() == "usual"
    assert engines.backend.identity.name == "usual"


def test_samples_come_from_the_engine_of_the_first_answer(engines, built, gates):
    built("1.0.0")
    promote("1.0.0", gates)
    engines.ask_until("tiny-1.0.0.gguf")
    assert engines.sampled(2) == ["tiny-1.0.0.gguf"] * 2


def test_a_switch_is_picked_up_and_the_old_engine_let_go(built, gates, engines):
    built("1.0.0")
    built("1.1.0")
    promote("1.0.0", gates)
    engines.ask_until("tiny-1.0.0.gguf")
    promote("1.1.0", gates)
    engines.ask_until("tiny-1.1.0.gguf")
    ended = [name.rsplit("/", 1)[-1] for name in engines.ended]
    assert ended == ["usual", "tiny-1.0.0.gguf"]
    assert engines.backend.identity.name.endswith("tiny-1.1.0.gguf")
    rollback(gates.paths)
    engines.ask_until("tiny-1.0.0.gguf")


def test_a_release_that_does_not_load_gets_no_request(built, gates, engines):
    built("1.0.0")
    built("1.1.0")
    promote("1.0.0", gates)
    engines.ask_until("tiny-1.0.0.gguf")
    engines.broken.add("1.1.0")
    promote("1.1.0", gates)
    for _ in range(50):
        assert engines.ask() == "tiny-1.0.0.gguf"
        time.sleep(0.002)
    assert any("does not load" in text for text in engines.said)


def test_an_engine_with_other_weights_gets_no_request(built, gates, engines, paths):
    built("1.0.0")
    promote("1.0.0", gates)
    slot = slot_folder(paths, Slot.BLUE) / "tiny-1.0.0.gguf"
    slot.unlink()
    slot.write_bytes(b"GGUFsomething else")
    assert sha256_of_file(slot) != active(paths).active.manifest.model.base.sha256
    for _ in range(20):
        assert engines.ask() == "usual"
        time.sleep(0.005)
    assert any("other weights" in text for text in engines.said)


def test_a_broken_pointer_leaves_what_answered(built, gates, engines, paths):
    built("1.0.0")
    promote("1.0.0", gates)
    engines.ask_until("tiny-1.0.0.gguf")
    (paths.state / "releases" / "active.json").write_text("{")
    assert engines.ask() == "tiny-1.0.0.gguf"
    assert any("cannot be read" in text for text in engines.said)


def test_a_canary_answers_its_own_requests(built, gates, engines, paths):
    built("1.0.0")
    built("1.1.0")
    promote("1.0.0", gates)
    engines.ask_until("tiny-1.0.0.gguf")
    canary("1.1.0", 50, gates)
    engines.ask_until("tiny-1.1.0.gguf")
    for _ in range(100):
        request_id = new_request_id()
        version = active(paths).held_for(request_id).manifest.version
        assert engines.ask(request_id) == f"tiny-{version}.gguf"
    assert engines.backend.identity.name.endswith("tiny-1.0.0.gguf")
    rollback(paths)
    assert {engines.ask() for _ in range(50)} == {"tiny-1.0.0.gguf"}


def test_a_service_that_starts_with_a_release_never_needs_the_usual_model(built, gates, paths):
    built("1.0.0")
    promote("1.0.0", gates)
    engines = Engines(paths)
    assert engines.ask() == "tiny-1.0.0.gguf"
    assert [one.reference for one in engines.made] == [active(paths).active.reference]


def test_a_release_that_is_broken_at_the_start_answers_nobody(built, gates, paths):
    built("1.0.0")
    promote("1.0.0", gates)
    slot = slot_folder(paths, Slot.BLUE) / "tiny-1.0.0.gguf"
    slot.unlink()
    slot.write_bytes(b"GGUFsomething else")
    engines = Engines(paths)
    with pytest.raises(BackendError, match="other weights"):
        engines.ask()


def test_a_broken_canary_gets_no_request(built, gates, engines, paths):
    built("1.0.0")
    built("1.1.0")
    promote("1.0.0", gates)
    canary("1.1.0", 99, gates)
    (slot_folder(paths, Slot.GREEN) / "manifest.json").unlink()
    engines.ask_until("tiny-1.0.0.gguf")
    assert {engines.ask() for _ in range(20)} == {"tiny-1.0.0.gguf"}


def test_resident_engines_are_those_of_the_releases(built, gates, paths):
    settings = Settings(model="fast")
    assert FollowingBackend(settings, paths, print).engine.model == "fast"
    built("1.0.0")
    promote("1.0.0", gates)
    reference = active(paths).active.reference
    stopped = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine_, "ask", lambda *_, **__: {})  # no process for weights of nothing
        patch.setattr(Engine_, "stop", lambda engine: stopped.append(engine.model))
        backend = FollowingBackend(settings, paths, print)
        assert backend.engine.model == reference
        backend._arms[reference].loading.join()
        _stop(backend.current)
    assert stopped == [reference]


@contextmanager
def load(engines, clients):
    """Clients that ask all the time; what they were told, and what failed."""
    told, failed, ended = [], [], threading.Event()

    def client():
        while not ended.is_set():
            try:
                told.append(engines.ask())
            except Exception as error:  # noqa: BLE001
                failed.append(error)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    yield told, failed
    ended.set()
    for thread in threads:
        thread.join()


def test_promotions_and_rollbacks_under_load_fail_no_request(built, gates, engines, paths):
    built("1.0.0")
    built("1.1.0")
    engines.pause_s = 0.002
    with load(engines, 8) as (told, failed):
        promote("1.0.0", gates)
        engines.ask_until("tiny-1.0.0.gguf")
        for _ in range(3):
            promote("1.1.0", gates)
            engines.ask_until("tiny-1.1.0.gguf")
            rollback(paths)
            engines.ask_until("tiny-1.0.0.gguf")
    assert failed == []
    assert {"usual", "tiny-1.0.0.gguf", "tiny-1.1.0.gguf"} == set(told)
    assert len(engines.ended) >= 5
    print(len(told), "requests")
