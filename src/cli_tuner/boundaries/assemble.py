"""Put the parts behind the boundaries together, as the settings ask for."""

from __future__ import annotations

from pathlib import Path

from cli_tuner import __version__
from cli_tuner.backends.embedded import EmbeddedBackend
from cli_tuner.backends.engine import Engine
from cli_tuner.backends.local import LocalBackend
from cli_tuner.backends.protocol import Backend
from cli_tuner.boundaries.parts import Parts
from cli_tuner.boundaries.rate import RateLimiter
from cli_tuner.errors import ConfigError
from cli_tuner.grounding import Installed, problems_in
from cli_tuner.guard import check
from cli_tuner.journal import Journal
from cli_tuner.models import ResolvedModel, load_catalogue, resolve
from cli_tuner.records import ModelIdentity
from cli_tuner.settings import LOCAL, Paths, Settings, api_key, private_folder


def parts_for(settings: Settings, paths: Paths, backend: Backend) -> Parts:
    """Everything but the backend is the same for all of them."""
    installed = Installed(paths.cache / "help")
    return Parts(
        backend=backend,
        check=check,
        journal=Journal(paths),
        limiter=RateLimiter(settings.rate_limit),
        code_version=__version__,
        problems=lambda command: problems_in(command, installed),
    )


def backend_for(settings: Settings, paths: Paths, *, resident: bool = True) -> Backend:
    """The backend that the settings name: an endpoint, the resident engine, or one in here.

    Raises UsageError for a bad URL and, for an engine in this process, what `embedded` raises.
    """
    if settings.backend != LOCAL:
        from cli_tuner.backends.http import HttpBackend

        shipped = settings.model in load_catalogue(paths).bases
        return HttpBackend(
            settings.backend,
            model=None if shipped else settings.model,
            api_key=api_key(),
            timeout_s=settings.timeout_s,
        )
    if resident:
        return LocalBackend(Engine.of(settings, paths))
    return embedded(resolve(settings.model, paths), paths, settings.threads)


def embedded(model: ResolvedModel, paths: Paths, threads: int) -> EmbeddedBackend:
    """The model loaded into this process.

    Raises ModelMissing, ModelCorrupt or BackendError.
    """
    return EmbeddedBackend(
        model.path,
        identity_of(model),
        private=private_folder(paths.runtime),
        adapter=model.adapter_path,
        threads=threads,
        states=_states(paths),
    )


def _states(paths: Paths) -> Path | None:
    """Where the engine keeps what it read of the prompt's prefix; None if that cannot be written:
    it only costs time."""
    try:
        return private_folder(paths.cache / "prefix")
    except ConfigError:
        return None


def identity_of(model: ResolvedModel) -> ModelIdentity:
    """What an answer says about the weights that gave it."""
    from importlib.metadata import version

    return ModelIdentity(
        name=model.name,
        sha256=model.sha256,
        adapter=model.adapter,
        adapter_sha256=model.adapter_sha256,
        backend=LOCAL,
        engine=f"xllamacpp {version('xllamacpp')}",
    )
