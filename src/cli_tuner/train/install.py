"""Making a trained adapter usable here: an entry in the user's catalogue, the file in the store.

    cli-tuner generate --model fast+<name> "..."

The entry holds the base's SHA-256, so the adapter is never applied to another file.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.errors import ConfigError, TrainingError
from cli_tuner.models import load_catalogue, obtain
from cli_tuner.models.store import write_atomically
from cli_tuner.settings import Paths

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def entry_name(run: str) -> str:
    """The catalogue's name for a run's adapter."""
    return run.lower()


def install(adapter: Path, base: str, base_sha256: str, paths: Paths) -> str:
    """Enter the adapter as `<file's stem>` and copy it to the store. Returns the reference.

    One that is called like a shipped adapter becomes `<stem>-own` beside it. An entry of this name
    that the user's catalogue has is replaced. Raises ConfigError if the catalogue would not be
    valid then; it stays as it was.
    """
    name = _free(adapter.stem, paths)
    if not _NAME.fullmatch(name):
        raise TrainingError(f"{name} is no name for an adapter", hint="use a-z, 0-9, . _ and -")
    path = paths.config / "catalogue.toml"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    fields = {
        "base": base,
        "base_sha256": base_sha256,
        "file": f"{name}.gguf",
        "bytes": adapter.stat().st_size,
        "sha256": sha256_of_file(adapter),
        "source": str(adapter.absolute()),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, _without(before, name) + _table(name, fields))
    try:
        load_catalogue(paths)
        obtain(name, paths, given_file=adapter)
    except BaseException:
        write_atomically(path, before)
        raise
    return f"{base}+{name}"


def _free(name: str, paths: Paths) -> str:
    """The name, or another one if a shipped adapter has it, which stays what it is."""
    known = load_catalogue(paths).adapters.get(name)
    return name if known is None or known.packaged is None else f"{name}-own"


def _table(name: str, fields: dict[str, Any]) -> str:
    lines = [f"{key} = {_quoted(value)}" for key, value in fields.items()]
    header = f'[adapter."{name}"]'
    return "\n".join([header, *lines, ""])


def _quoted(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _without(text: str, name: str) -> str:
    """The catalogue's text without one adapter's table. Everything else stays as it is written."""
    header = re.compile(rf'\[adapter\.(?:"{re.escape(name)}"|{re.escape(name)})\]\s*(?:#.*)?')
    kept, skipping = [], False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            skipping = header.fullmatch(line.strip()) is not None
        if not skipping:
            kept.append(line)
    left = "".join(kept)
    try:
        tomllib.loads(left)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the user's catalogue is not valid: {error}") from error
    return left if not left or left.endswith("\n") else f"{left}\n"
