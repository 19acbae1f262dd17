"""The parts of the boundaries, being loaded while the first question waits."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from cli_tuner.errors import BackendError, CliTunerError
from cli_tuner.resident.log import log_failure
from cli_tuner.settings import Paths, Settings, load_settings

if TYPE_CHECKING:
    from cli_tuner.backends.embedded import EmbeddedBackend
    from cli_tuner.boundaries.parts import Parts

_CLOSE_TIMEOUT_S = 10.0


class Loading:
    """The parts, loaded by one thread; another prepares the guard while the weights are read."""

    def __init__(self, model: str, threads: int) -> None:
        """Begin. Raises ConfigError if the settings are wrong."""
        self._model = model
        self._threads = threads
        self._settings: Settings = load_settings()
        self._paths = Paths.of()
        self._backend: EmbeddedBackend | None = None
        self._error: CliTunerError | None = None
        self._made: Parts | None = None
        self._files: dict[Path, tuple[int, int, int]] = {}
        self._lock = threading.Lock()
        self._loader = threading.Thread(target=self._load, daemon=True)
        self._loader.start()

    def _load(self) -> None:
        try:
            from cli_tuner.boundaries.assemble import embedded
            from cli_tuner.models import resolve

            # Only now, since two threads that import one module at once can meet it half-made.
            threading.Thread(target=_prepare_boundaries, daemon=True).start()
            model = resolve(self._model, self._paths)
            files = (model.path, model.adapter_path)
            self._files = {path: _signature(path) for path in files if path is not None}
            self._backend = embedded(model, self._paths, self._threads)
        except CliTunerError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  whatever it is, the client must hear of it
            log_failure(error)
            self._error = BackendError(f"the engine could not start: {error}")

    def parts(self) -> Parts:
        """The parts, waited for. Raises what went wrong."""
        self._loader.join()
        if self._error is not None:
            # A new one each time: an exception keeps its frames, and several threads raise it.
            raise type(self._error)(self._error.message, hint=self._error.hint)
        if self._backend is None:
            raise BackendError("the engine is shutting down", hint="ask again")
        with self._lock:
            if self._made is None:
                from cli_tuner.boundaries.assemble import parts_for

                self._made = parts_for(self._settings, self._paths, self._backend)
            return self._made

    @property
    def is_done(self) -> bool:
        """Whether `parts` need not be waited for."""
        return not self._loader.is_alive()

    def file_changed(self) -> bool:
        """Whether a file that was loaded is no longer the one on disk."""
        try:
            return any(_signature(path) != seen for path, seen in self._files.items())
        except OSError:
            return True

    def close(self) -> None:
        """Unload, once it is loaded: the engine would leave its socket behind."""
        self._loader.join(_CLOSE_TIMEOUT_S)
        if self._backend is not None:
            self._backend.close()


def _prepare_boundaries() -> None:
    import cli_tuner.boundaries.generate
    import cli_tuner.guard

    cli_tuner.guard.check("true")  # reads the rules, so that the first question need not


def _signature(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
