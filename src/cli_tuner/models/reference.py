"""From what a user writes after --model to files on this machine.

fast | balanced | large      a base, with its default adapter if one is shipped and installed
<base>+<adapter>             with this adapter
<base>+none                  the base alone
path/to/file.gguf            any GGUF file
base.gguf+adapter.gguf       two of them, by their paths: a release has both in its folder
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from cli_tuner.errors import ModelCorrupt, ModelMissing, UsageError
from cli_tuner.models.catalogue import NO_ADAPTER, Catalogue, load_catalogue
from cli_tuner.models.digest import is_gguf, sha256_of_file, short
from cli_tuner.models.entry import Adapter, BaseModel, ModelFile
from cli_tuner.models.progress import SILENT, Progress
from cli_tuner.models.store import Store, write_atomically
from cli_tuner.settings import Paths

_DIGESTS_KEPT = 64
_PAIR = ".gguf+"


@dataclass(frozen=True)
class ResolvedModel:
    """Files that are here and have these digests. An adapter belongs to exactly this base."""

    name: str
    path: Path
    sha256: str
    adapter: str | None = None
    adapter_path: Path | None = None
    adapter_sha256: str | None = None


def adapter_file(reference: str, paths: Paths) -> tuple[str, Path]:
    """Name and file of an adapter of the catalogue, or of a GGUF file, which may not be there.

    Raises UsageError for a name nobody knows, ModelMissing and ModelCorrupt.
    """
    path = Path(reference).expanduser()
    if path.suffix.lower() == ".gguf":
        return path.stem, path
    entry = load_catalogue(paths).adapter(reference)
    return entry.name, Store(paths.models).trusted(entry)


def resolve(ref: str, paths: Paths, progress: Progress = SILENT) -> ResolvedModel:
    """The files that a reference names.

    Costs milliseconds for files that were verified before; a file seen for the first time is
    hashed once, with progress. Raises UsageError for a name nobody knows or an adapter of another
    base, ModelMissing and ModelCorrupt with the command that helps.
    """
    if is_path(ref):
        return _resolve_paths(ref, paths, progress)
    base, adapter = parse(ref, load_catalogue(paths))
    store = Store(paths.models)
    if adapter is None and "+" not in ref:
        adapter = _installed_default(base, store, load_catalogue(paths))
    base_path = store.trusted(base, progress)
    if adapter is None:
        return ResolvedModel(base.name, base_path, base.sha256)
    return ResolvedModel(
        name=base.name,
        path=base_path,
        sha256=base.sha256,
        adapter=adapter.name,
        adapter_path=store.trusted(adapter, progress),
        adapter_sha256=adapter.sha256,
    )


def needed(ref: str, catalogue: Catalogue) -> tuple[ModelFile, ...]:
    """The catalogue entries that a reference needs in the store; none for a path.

    Raises UsageError as `resolve` does.
    """
    if is_path(ref):
        return ()
    base, adapter = parse(ref, catalogue)
    return (base,) if adapter is None else (base, adapter)


def is_path(ref: str) -> bool:
    """Whether the reference is a file, not a name."""
    return "/" in ref or ref.startswith("~") or ref.lower().endswith(".gguf")


def parse(ref: str, catalogue: Catalogue) -> tuple[BaseModel, Adapter | None]:
    """The base and the adapter that a reference names; None if it names none.

    Raises UsageError for unknown names and for an adapter of another base.
    """
    base_name, plus, adapter_name = ref.partition("+")
    base = catalogue.base(base_name)
    if not plus or adapter_name == NO_ADAPTER:
        return base, None
    adapter = catalogue.adapter(adapter_name)
    _check_pair(base, adapter, catalogue)
    return base, adapter


def _check_pair(base: BaseModel, adapter: Adapter, catalogue: Catalogue) -> None:
    """An adapter changes the very weights it was trained on; on others it is noise.

    A derived base has the layers of the one that it was made from, byte for byte.
    """
    if base.derived_from == adapter.base:
        base = catalogue.origin(base)
    if adapter.base != base.name:
        raise UsageError(
            f"the adapter {adapter.name} belongs to {adapter.base}, not to {base.name}",
            hint=f"use --model {adapter.base}+{adapter.name}",
        )
    if adapter.base_sha256 != base.sha256:
        raise UsageError(
            f"the adapter {adapter.name} was made for a base with the digest "
            f"{short(adapter.base_sha256)}, {base.name} has {short(base.sha256)}",
            hint=f"use --model {base.name}+none, or an adapter made for this file",
        )


def _installed_default(base: BaseModel, store: Store, catalogue: Catalogue) -> Adapter | None:
    default = base.default_adapter or catalogue.origin(base).default_adapter
    if default is None:
        return None
    adapter = catalogue.adapter(default)
    _check_pair(base, adapter, catalogue)
    return adapter if store.holding(adapter).whole else None


def _resolve_paths(ref: str, paths: Paths, progress: Progress) -> ResolvedModel:
    """One file, or a base and its adapter."""
    head, pair, tail = ref.partition(_PAIR)
    if not pair:
        return _resolve_path(Path(ref).expanduser(), paths, progress)
    base = _resolve_path(Path(f"{head}.gguf").expanduser(), paths, progress)
    adapter = _resolve_path(Path(tail).expanduser(), paths, progress)
    return replace(
        base, adapter=adapter.name, adapter_path=adapter.path, adapter_sha256=adapter.sha256
    )


def _resolve_path(path: Path, paths: Paths, progress: Progress) -> ResolvedModel:
    path = path.absolute()
    if path.suffix.lower() != ".gguf":
        raise UsageError(f"{path} does not end in .gguf", hint="give a GGUF file, or a model name")
    try:
        if not path.exists():
            raise ModelMissing(f"there is no file {path}", hint="check the path after --model")
        if not path.is_file() or not is_gguf(path):
            raise ModelCorrupt(f"{path} is not a GGUF file", hint="download or convert it again")
        return ResolvedModel(path.name, path, _digest_of(path, paths, progress))
    except OSError as error:
        raise ModelCorrupt(
            f"{path} cannot be read: {error.strerror}", hint="check its permissions"
        ) from error


def _digest_of(path: Path, paths: Paths, progress: Progress) -> str:
    """The file's digest, computed once as long as its size and modification time stay."""
    status = path.stat()
    mark = f"{status.st_size}:{status.st_mtime_ns}"
    known = _read_digests(paths)
    digest, sep, seen = known.get(str(path), "").partition("@")
    if sep and seen == mark and re.fullmatch(r"[0-9a-f]{64}", digest):
        return digest
    digest = sha256_of_file(path, progress)
    known.pop(str(path), None)
    recent = dict([*known.items(), (str(path), f"{digest}@{mark}")][-_DIGESTS_KEPT:])
    _write_digests(paths, recent)
    return digest


def _read_digests(paths: Paths) -> dict[str, str]:
    """The cache of digests; anything unreadable is an empty cache."""
    try:
        table = json.loads((paths.cache / "digests.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(table, dict):
        return {}
    return {key: value for key, value in table.items() if isinstance(value, str)}


def _write_digests(paths: Paths, table: dict[str, str]) -> None:
    """Keep the cache; a cache folder that cannot be written only costs time."""
    try:
        paths.cache.mkdir(parents=True, exist_ok=True)
        write_atomically(paths.cache / "digests.json", json.dumps(table, indent=1) + "\n")
    except OSError:
        return
