"""`cli-tuner config`: what is set, where it came from, and changing it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from cli_tuner.errors import ConfigError, UsageError
from cli_tuner.settings import Paths, parse_setting, private_folder, read_config, resolve


def run(given: argparse.Namespace) -> int:
    """Show or change settings in the user's file."""
    path = Paths.of().config_file
    if given.action == "path":
        sys.stdout.write(f"{path}\n")
    elif given.action == "list":
        _list(as_json=given.json)
    elif given.key is None:
        raise UsageError(f"config {given.action} needs a key; see: cli-tuner config")
    elif given.action == "get":
        _get(given.key)
    elif given.action == "unset":
        parse_setting(given.key, _default(given.key), "config unset")
        _write(
            path, {name: value for name, value in read_config(path).items() if name != given.key}
        )
    elif given.value is None:
        raise UsageError(f"config set {given.key} needs a value")
    else:
        change(path, given.key, given.value)
    return 0


def change(path: Path, key: str, value: str) -> None:
    """Set one key in the user's file. Raises ConfigError; then the file is as it was."""
    parsed = parse_setting(key, value, "config set")
    _write(path, {**read_config(path), key: parsed})


def _default(key: str) -> object:
    origins = resolve(environ={"CLI_TUNER_HOME": "/nonexistent"})
    return origins[key].value if key in origins else ""


def _list(*, as_json: bool) -> None:
    origins = resolve()
    if as_json:
        values = {
            name: {"value": origin.value, "source": origin.source}
            for name, origin in origins.items()
        }
        sys.stdout.write(f"{json.dumps({'schema_version': '1', 'settings': values})}\n")
        return
    for name, origin in origins.items():
        sys.stdout.write(f"{name} = {_toml(origin.value):<12}  # {origin.source}\n")


def _get(key: str) -> None:
    origins = resolve()
    if key not in origins:
        parse_setting(key, "", "config get")  # raises with the nearest name
    value = origins[key].value
    sys.stdout.write(f"{value if isinstance(value, str) else _toml(value)}\n")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value)


def _write(path: Path, settings: dict[str, object]) -> None:
    """Replace the file in one step, so that a full disk leaves the old one whole."""
    folder = private_folder(path.parent)
    text = "".join(f"{name} = {_toml(value)}\n" for name, value in sorted(settings.items()))
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=".config-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
