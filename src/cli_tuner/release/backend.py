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

from cli_tuner.backends.protocol import Backend, Sampling, never
from cli_tuner.errors import BackendError, CliTunerError
from cli_tuner.records import ModelIdentity, NormalizedRequest, RawModelOutput
from cli_tuner.release.manifest import Manifest
from cli_tuner.release.slots import Held, active
from cli_tuner.settings import Paths

_RETRY_S = 5.0

Start = Callable[[str], Backend]
"""Makes the backend for a model's reference, as `--model` takes it."""
Release = Callable[[Backend], None]
"""Lets go of a backend that nobody needs any more."""


@dataclass(eq=False)
class _Arm:
    """An engine with the weights of one release, or with those of the settings."""

    backend: Backend
    in_flight: int = 0
    is_loaded: bool = False
    failed_at: float | None = None


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
        usual = _Arm(start(model), is_loaded=True)
        self._arms: dict[str, _Arm] = {model: usual}
        self._last: tuple[str, _Arm] = (model, usual)
        self._said = ""

    @property
    def identity(self) -> ModelIdentity:
        """Which weights answer most requests. Raises as `complete` does."""
        return self._chosen(None).backend.identity

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        """One completion, by the release in force or, for its share, by the canary."""
        with self._taken(request.request_id) as arm:
            return arm.backend.complete(request, sampling, cancelled)

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
        elif arm.failed_at is not None and time.monotonic() - arm.failed_at > _RETRY_S:
            self._load(wanted, arm)
        if not arm.is_loaded:
            return self._last[1]
        if not is_canary:
            self._last = wanted.reference, arm
        return arm

    def _load(self, held: Held, arm: _Arm) -> None:
        """Begin to load; the lock is held."""
        arm.failed_at = None
        threading.Thread(target=self._loaded, args=(held, arm), daemon=True).start()

    def _loaded(self, held: Held, arm: _Arm) -> None:
        try:
            _check_identity(arm.backend.identity, held.manifest)
            arm.is_loaded = True
            self._say(f"release {held.manifest.version} is loaded")
        except CliTunerError as error:
            self._say_once(f"release {held.manifest.version} does not load: {error}")
            arm.failed_at = time.monotonic()

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


def _check_identity(identity: ModelIdentity, manifest: Manifest) -> None:
    """Raise BackendError unless the engine has the very weights that the manifest names."""
    adapter = manifest.model.adapter
    expected = manifest.model.base.sha256, adapter.sha256 if adapter is not None else None
    if (identity.sha256, identity.adapter_sha256) != expected:
        raise BackendError("the engine has other weights than the release")
