"""The models: which there are, which are here, and how they get here.

The front door. `obtain` and what belongs to it are imported on first use, and an HTTP client
only when something is fetched: an answer from a model that is here pays for neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli_tuner.models.catalogue import Catalogue, load_catalogue
from cli_tuner.models.entry import Adapter, BaseModel, ModelFile
from cli_tuner.models.progress import SILENT, Progress
from cli_tuner.models.reference import ResolvedModel, needed, resolve
from cli_tuner.models.store import Holding, State, Store
from cli_tuner.settings import Paths

if TYPE_CHECKING:
    from cli_tuner.models.fetch import Obtained, Surroundings, obtain

__all__ = [
    "SILENT",
    "Adapter",
    "BaseModel",
    "Catalogue",
    "Holding",
    "ModelFile",
    "Obtained",
    "Progress",
    "ResolvedModel",
    "State",
    "Store",
    "Surroundings",
    "installed",
    "inventory",
    "load_catalogue",
    "needed",
    "obtain",
    "resolve",
    "verify",
]

_IN_FETCH = frozenset({"Obtained", "Surroundings", "obtain"})


def __getattr__(name: str) -> object:
    if name not in _IN_FETCH:
        raise AttributeError(f"module 'cli_tuner.models' has no attribute {name!r}")
    from cli_tuner.models import fetch

    return getattr(fetch, name)


def verify(model: str | ModelFile, paths: Paths, progress: Progress = SILENT) -> Holding:
    """Hash the installed file of a base model or adapter, whatever was noted about it.

    Raises ModelMissing, ModelCorrupt (with the command that brings it again), UsageError for an
    unknown name.
    """
    entry = load_catalogue(paths).entry(model) if isinstance(model, str) else model
    store = Store(paths.models)
    store.verify(entry, progress)
    return store.holding(entry)


def inventory(paths: Paths) -> tuple[Holding, ...]:
    """Every entry of the catalogue and what is here of it, without hashing."""
    return Store(paths.models).inventory(load_catalogue(paths))


def installed(paths: Paths) -> tuple[Holding, ...]:
    """The entries whose whole file is here, without hashing."""
    return tuple(holding for holding in inventory(paths) if holding.whole)
