"""The engine behind the service, looked after: started, probed, counted when it was replaced.

The model runs in the resident process and not in this one. What crashes there costs the request
that it worked on, which is asked again of the next one, and never the service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from cli_tuner.backends import contact
from cli_tuner.backends.http import HttpBackend
from cli_tuner.backends.protocol import Backend
from cli_tuner.errors import CliTunerError
from cli_tuner.models import load_catalogue
from cli_tuner.records import ModelIdentity
from cli_tuner.release.backend import FollowingBackend
from cli_tuner.service.fleet import Fleet
from cli_tuner.service.metrics import Metrics
from cli_tuner.service.problem import log_error
from cli_tuner.settings import LOCAL, Paths, Settings, api_key

if TYPE_CHECKING:
    import httpx

_IDLE_MINUTES = 10_080.0
"""A week: while the service runs, the model stays."""
_STARTING = "starting"
_LONGEST_PAUSE_S = 30.0


class State(NamedTuple):
    """How the engine is. `detail` is for whoever runs the service."""

    is_up: bool
    detail: str
    identity: ModelIdentity | None = None


class Probe:
    """Asks any backend how it is. This one can only ask what it is called."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def state(self, metrics: Metrics) -> State:
        """How it is now. Raises CliTunerError if it is not well."""
        return State(True, "answers", self.backend.identity)

    def close(self) -> None:
        """Let go of the backend."""
        self.backend.close()


class ResidentProbe(Probe):
    """Keeps the resident engine running."""

    def __init__(self, settings: Settings, paths: Paths) -> None:
        settings = settings._replace(idle_minutes=_IDLE_MINUTES)
        self._releases = FollowingBackend(settings, paths, print)
        self._was_running = contact.listens(self._releases.engine.socket_path)
        self._pid: int | None = None
        self._asked = self._releases.engine
        super().__init__(self._releases)

    def state(self, metrics: Metrics) -> State:
        """Start it if it is gone, wait until it is loaded, and see whether it is the same one."""
        engine = self._releases.engine
        status = engine.ask({"op": "status"})
        if not status.get("loaded"):
            engine.ask({"op": "hello"})
        pid = int(status.get("pid", 0))
        if engine == self._asked and self._pid not in (None, pid):
            metrics.engine_restarts.inc()
        self._pid, self._asked = pid, engine
        return State(True, f"process {pid}", self.backend.identity)

    def close(self) -> None:
        """End the engine, if it was started for this service."""
        if not self._was_running:
            self._releases.engine.stop()


class FleetProbe(Probe):
    """Asks every endpoint."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        super().__init__(fleet)

    def state(self, metrics: Metrics) -> State:
        """Well if one of them is."""
        said = self._fleet.probe()
        for shown, wrong in said.items():
            metrics.endpoint_up.labels(shown).set(wrong is None)
        up = sum(wrong is None for wrong in said.values())
        detail = f"{up} of {len(said)} endpoints answer"
        return State(up > 0, detail, self._fleet.identity if up else None)


class Watch:
    """Probes again and again, in a thread of its own."""

    def __init__(self, probe: Probe, metrics: Metrics, every_s: float) -> None:
        self.probe = probe
        self._metrics = metrics
        self._every_s = every_s
        self._state = State(False, _STARTING)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine-watch", daemon=True)

    @property
    def state(self) -> State:
        """What the last probe found."""
        return self._state

    def start(self) -> None:
        """Begin to look after it."""
        self._thread.start()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._ended.wait(pause_s):
            self._state = self._probed()
            # What cannot start, say for want of a model, is not started every few seconds.
            longer_s = 0.0 if self._state.is_up else min(_LONGEST_PAUSE_S, 2 * pause_s)
            pause_s = max(self._every_s, longer_s)

    def _probed(self) -> State:
        try:
            return self.probe.state(self._metrics)
        except CliTunerError as error:
            if self._state.is_up or self._state.detail == _STARTING:
                log_error(error)
            return State(False, str(error), self._state.identity)
        except Exception as error:  # noqa: BLE001  the watch goes on, whatever happens
            log_error(error)
            return State(False, type(error).__name__, self._state.identity)

    def close(self) -> None:
        """Stop looking, and let go of the backend."""
        self._ended.set()
        self._thread.join(2 * self._every_s)
        self.probe.close()


def probe_for(
    settings: Settings,
    paths: Paths,
    urls: tuple[str, ...],
    on_request: Callable[[httpx.Request], None] | None = None,
) -> Probe:
    """What the settings and the command line name: endpoints, or the resident engine.

    `on_request` sees each request to an endpoint before it is sent.

    Raises UsageError for a URL that is none.
    """
    chosen = urls or (() if settings.backend == LOCAL else (settings.backend,))
    if chosen in ((), (LOCAL,)):
        return ResidentProbe(settings, paths)
    shipped = settings.model in load_catalogue(paths).bases
    return FleetProbe(
        Fleet(
            [
                HttpBackend(
                    url,
                    model=None if shipped else settings.model,
                    api_key=api_key(),
                    timeout_s=settings.timeout_s,
                    on_request=on_request,
                )
                for url in chosen
            ]
        )
    )
