"""`cli-tuner models`: which there are, which are here, and which one answers."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from cli_tuner.backends.engine import stop_all
from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.cli.config import change
from cli_tuner.cli.fetching import fetch
from cli_tuner.errors import UsageError
from cli_tuner.models import Holding, inventory, load_catalogue, needed, resolve, verify
from cli_tuner.settings import Paths, load_settings


def run(given: argparse.Namespace) -> int:
    """Do one of the four."""
    settings = load_settings({"color": given.color})
    screen = Screen(settings.color)
    if given.action == "list":
        return _list(settings.model, given)
    ref = given.model or (settings.model if given.action != "use" else None)
    if ref is None:
        raise UsageError("models use needs a name, as in: cli-tuner models use fast")
    {"pull": _pull, "use": _use, "verify": _verify}[given.action](ref, given, screen)
    return 0


def _list(active: str, given: argparse.Namespace) -> int:
    holdings = inventory(Paths.of())
    if given.json:
        document = {"schema_version": "1", "models": [_row(item, active) for item in holdings]}
        sys.stdout.write(f"{json.dumps(document)}\n")
        return 0
    wide = max(len(item.entry.name) for item in holdings)
    for item in holdings:
        mark = "*" if _is_active(item, active) else " "
        size = f"{item.entry.size_bytes / 1e9:.2f} GB"
        title = getattr(item.entry, "title", f"adapter of {getattr(item.entry, 'base', '')}")
        sys.stdout.write(
            f"{mark} {item.entry.name:<{wide}} {size:>8}  {item.state.value:<10}"
            f" {item.entry.licence:<11} {visible(title)}\n"
        )
    return 0


def _is_active(item: Holding, active: str) -> bool:
    return item.entry.name in active.split("+")


def _row(item: Holding, active: str) -> dict[str, Any]:
    return {
        "name": item.entry.name,
        "state": item.state.value,
        "active": _is_active(item, active),
        "bytes": item.entry.size_bytes,
        "sha256": item.entry.sha256,
        "licence": item.entry.licence,
        "path": str(item.path),
    }


def _pull(ref: str, given: argparse.Namespace, screen: Screen) -> None:
    for file in fetch(ref, screen, given.file):
        screen.line(f"  {visible(ref)} · from {visible(file.source)} · {visible(str(file.path))}")


def _use(ref: str, given: argparse.Namespace, screen: Screen) -> None:
    """Fetch what is missing, check that it fits together, and only then make it the default."""
    paths = Paths.of()
    fetch(ref, screen, given.file)
    model = resolve(ref, paths)
    change(paths.config_file, "model", ref)
    stop_all(paths)
    screen.line(f"  {visible(model.name)} answers from now on")


def _verify(ref: str, given: argparse.Namespace, screen: Screen) -> None:
    paths = Paths.of()
    entries = needed(ref, load_catalogue(paths))
    if not entries:
        model = resolve(ref, paths)
        screen.line(f"  {visible(model.name)} · sha256 {model.sha256}")
    for entry in entries:
        verify(entry, paths)
        screen.line(f"  {entry.name} · ok · sha256 {entry.sha256}")
