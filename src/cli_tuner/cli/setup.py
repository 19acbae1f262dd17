"""`cli-tuner setup`: the model on this machine, verified."""

from __future__ import annotations

import argparse
import json
import sys

from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.cli.fetching import fetch
from cli_tuner.models import resolve
from cli_tuner.settings import Paths, load_settings


def run(given: argparse.Namespace) -> int:
    """Fetch what is missing; doing it again costs nothing."""
    settings = load_settings({"model": given.model, "color": given.color})
    screen = Screen(settings.color)
    obtained = fetch(settings.model, screen, given.file)
    model = resolve(settings.model, Paths.of())
    if given.json:
        document = {
            "schema_version": "1",
            "model": model.name,
            "sha256": model.sha256,
            "path": str(model.path),
            "sources": [file.source for file in obtained],
        }
        sys.stdout.write(f"{json.dumps(document)}\n")
        return 0
    for file in obtained:
        screen.line(f"  {model.name} · from {visible(file.source)} · {visible(str(file.path))}")
    screen.line(f"  ready · sha256 {model.sha256[:12]} verified")
    screen.line(
        f'  try:  cli-tuner generate {_asked(given.model)}"find files bigger than 100MB here"'
    )
    return 0


def _asked(model: str | None) -> str:
    """The option that names a model, unless a question without it goes there."""
    return "" if model in (None, load_settings().model) else f"--model {model} "
