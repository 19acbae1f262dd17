"""`cli-tuner config`: what is set, where it came from, and changing it."""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path

from cli_tuner.errors import ConfigError, UsageError
from cli_tuner.models.store import write_atomically
from cli_tuner.settings import (
    Paths,
    parse_setting,
    private_folder,
    read_config,
    resolve,
    setting_names,
)


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
        _check_known(given.key, "config unset")
        _replace(path, given.key, None)
    elif given.value is None:
        raise UsageError(f"config set {given.key} needs a value")
    else:
        change(path, given.key, given.value)
    return 0


def change(path: Path, key: str, value: str) -> None:
    """Set one key in the user's file. Raises ConfigError; then the file is as it was."""
    parsed = parse_setting(key, value, "config set")
    _replace(path, key, _toml(parsed))


def _check_known(key: str, source: str) -> None:
    """Raise ConfigError for a key that is none, with the nearest name."""
    if key not in setting_names():
        parse_setting(key, "", source)


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
    _check_known(key, "config get")
    value = origins[key].value
    sys.stdout.write(f"{value if isinstance(value, str) else _toml(value)}\n")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    # TOML has no surrogate pairs, so letters stay letters; DEL is the one control that JSON leaves.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _replace(path: Path, key: str, value: str | None) -> None:
    """Set or remove one key, and leave the other lines and comments as they are.

    Raises ConfigError; then the file is as it was.
    """
    expected = read_config(path)
    if value is None and key not in expected:
        return
    expected.pop(key, None)
    try:
        before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        line_of_key = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""")
        lines = [line for line in before if not line_of_key.match(line)]
        if value is not None:
            lines.append(f"{key} = {value}")
            expected[key] = tomllib.loads(lines[-1])[key]
        text = "".join(f"{line}\n" for line in lines)
        if tomllib.loads(text) != expected:
            raise ConfigError(f"{path}: {key} spans several lines", hint="change it by hand")
        text.encode("utf-8")
    except (tomllib.TOMLDecodeError, UnicodeEncodeError) as error:
        raise ConfigError(f"{key} cannot be written to {path}: {error}") from error
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    _write(path, text)


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, so that a full disk leaves the old one whole."""
    private_folder(path.parent)
    real = path.resolve()  # a link into somebody's dotfiles stays a link
    try:
        write_atomically(real, text)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
