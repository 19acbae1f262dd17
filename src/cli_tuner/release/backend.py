"""Completions by whatever release is in force, for a process that outlives a switch.

Each request looks at the pointer (one `stat`). After a switch the old engine goes on answering
until the new one has loaded its weights; then new requests go there, those that are in flight end
where they began, and the old engine is let go when it has none left. So a switch fails no request.
A release that does not load never gets a request: what answered before goes on, and it is tried
again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cli_tuner.backends.engine import Engine
from cli_tuner.backends.local import LocalBackend
from cli_tuner.backends.protocol import Backend, Sampling, never
from cli_tuner.errors import BackendError, CliTunerError
from cli_tuner.records import ModelIdentity, NormalizedRequest, RawModelOutput
from cli_tuner.release.manifest import Manifest
from cli_tuner.release.slots import Held, active
from cli_tuner.settings import Paths, Settings

_RETRY_S = 5.0

Start = Callable[[str], Backend]
"""Makes the backend for a model's reference, as `--model` takes it."""
Release = Callable[[Backend], None]
"""Lets go of a backend that nobody needs any more."""


@dataclass(eq=False)
class _Arm:
    """An engine with the weights of one release, or with those of the settings.

    It is `ready` when it has loaded its weights and they are the right ones.
    """

    backend: Backend
    in_flight: int = 0
    ready: bool = False
    failure: str | None = None
    failed_at: float = 0.0
    loading: threading.Thread | None = None

    def wait(self) -> None:
        """Wait until it is ready. Raises BackendError if it cannot be."""
        if self.loading is not None and not self.ready:
            self.loading.join()
        if not self.ready:
            raise BackendError(self.failure or "the release does not load")


class ReleasedBackend:
    """A Backend that follows the releases; without one it is the settings' own model.

    `start` makes an engine, `end` stops it. Threads share it.
    """

    def __init__(
        self, paths: Paths, model: str, start: Start, end: Release, say: Callable[[str], None]
    ) -> None:
        self._paths = paths
        self._start = start
        self._end = end
        self._say = say
        self._lock = threading.Lock()
        self._said = ""
        self._arms: dict[str, _Arm] = {}
        held = self._wanted(None)
        name = model if held is None else held.reference
        arm = self._arms[name] = _Arm(start(name), ready=held is None)
        self._last: tuple[str, _Arm] = (name, arm)
        if held is not None:  # nothing answered before, so the first request waits for it
            self._load(held, arm)

    @property
    def current(self) -> Backend:
        """The engine that answers most requests."""
        return self._chosen(None).backend

    @property
    def identity(self) -> ModelIdentity:
        """Which weights answer most requests. Raises as `complete` does."""
        return self.current.identity

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        """One completion, by the release in force or, for its share, by the canary."""
        with self._taken(request.request_id) as arm:
            return arm.backend.complete(request, sampling, cancelled)

    def sample(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        count: int,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[RawModelOutput, ...]:
        """Completions by the engine that the request's first one came from."""
        with self._taken(request.request_id) as arm:
            return arm.backend.sample(request, sampling, count, cancelled)

    def close(self) -> None:
        """Let go of every engine."""
        with self._lock:
            arms = list(self._arms.values())
            self._arms.clear()
        for arm in arms:
            arm.backend.close()

    @contextmanager
    def _taken(self, request_id: str) -> Iterator[_Arm]:
        arm = self._chosen(request_id)
        try:
            arm.wait()
            yield arm
        finally:
            with self._lock:
                arm.in_flight -= 1
            self._retire()

    def _chosen(self, request_id: str | None) -> _Arm:
        """The engine for a request, counted as busy; for None the one that answers most."""
        wanted = self._wanted(request_id)
        with self._lock:
            arm = self._arm_for(wanted, is_canary=wanted is not self._wanted(None))
            if request_id is not None:
                arm.in_flight += 1
            return arm

    def _wanted(self, request_id: str | None) -> Held | None:
        """The release for a request; None if there is none, or none that can be read."""
        try:
            found = active(self._paths)
        except CliTunerError as error:
            self._say_once(f"the active release cannot be read: {error}")
            return None
        if found is None:
            return None
        return found.active if request_id is None else found.held_for(request_id)

    def _arm_for(self, wanted: Held | None, *, is_canary: bool) -> _Arm:
        if wanted is None:
            return self._last[1]
        arm = self._arms.get(wanted.reference)
        if arm is None:
            arm = self._arms[wanted.reference] = _Arm(self._start(wanted.reference))
            self._load(wanted, arm)
        elif arm.failure is not None and time.monotonic() - arm.failed_at > _RETRY_S:
            self._load(wanted, arm)
        if not arm.ready:
            return self._last[1]
        if not is_canary:
            self._last = wanted.reference, arm
        return arm

    def _load(self, held: Held, arm: _Arm) -> None:
        """Begin to load; the lock is held, or nobody else is there yet."""
        arm.failure = None
        arm.loading = threading.Thread(target=self._loaded, args=(held, arm), daemon=True)
        arm.loading.start()

    def _loaded(self, held: Held, arm: _Arm) -> None:
        try:
            _check_identity(arm.backend.identity, held.manifest)
            arm.ready = True
            self._say(f"release {held.manifest.version} is loaded")
        except CliTunerError as error:
            arm.failed_at = time.monotonic()
            arm.failure = f"release {held.manifest.version} does not load: {error}"
            self._say_once(arm.failure)

    def _retire(self) -> None:
        """Let go of engines that no pointer names and nobody waits for."""
        try:
            found = active(self._paths)
        except CliTunerError:
            return
        if found is None:
            return
        named = {held.reference for held in (found.active, found.canary) if held is not None}
        with self._lock:
            named.add(self._last[0])
            gone = [
                reference
                for reference, arm in self._arms.items()
                if reference not in named and arm.in_flight == 0
            ]
            arms = [self._arms.pop(reference) for reference in gone]
        for arm in arms:
            self._end(arm.backend)

    def _say_once(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._say(text)


class ResidentBackend(LocalBackend):
    """Completions from one resident engine, which can be asked how it is, and stopped."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.engine = engine


class FollowingBackend(ReleasedBackend):
    """Resident engines that follow the releases; `say` is told of each change, from any thread."""

    def __init__(self, settings: Settings, paths: Paths, say: Callable[[str], None]) -> None:
        def start(model: str) -> ResidentBackend:
            return ResidentBackend(Engine.of(settings._replace(model=model), paths))

        super().__init__(paths, settings.model, start, _stop, say)

    @property
    def engine(self) -> Engine:
        """The engine that answers most requests."""
        current = self.current
        assert isinstance(current, ResidentBackend)  # noqa: S101  `start` makes nothing else
        return current.engine


def _stop(backend: Backend) -> None:
    if isinstance(backend, ResidentBackend):
        backend.engine.stop()


def _check_identity(identity: ModelIdentity, manifest: Manifest) -> None:
    """Raise BackendError unless the engine has the very weights that the manifest names."""
    adapter = manifest.model.adapter
    expected = manifest.model.base.sha256, adapter.sha256 if adapter is not None else None
    if (identity.sha256, identity.adapter_sha256) != expected:
        raise BackendError("the engine has other weights than the release")
