"""`cli-tuner serve`: the boundaries over HTTP."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cli_tuner.artifacts.extras import require
from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.settings import LOCAL, Paths, load_settings

_PACKAGES = ("fastapi", "uvicorn", "httptools", "prometheus_client", "jinja2")


def run(given: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    backends = tuple(url for url in given.backend if url != LOCAL)
    settings = load_settings({"safety": given.safety, "color": given.color, "model": given.model})
    if given.backend and not backends:
        settings = settings._replace(backend=LOCAL)
    for package in _PACKAGES:
        require(package, "serve")
    from cli_tuner.service.config import ServiceConfig
    from cli_tuner.service.server import serve

    config = ServiceConfig(
        host=given.host,
        port=given.port,
        backends=backends,
        tls_cert=_path(given.tls_cert),
        tls_key=_path(given.tls_key),
        workers=given.workers,
        queue=given.queue,
        traces=given.traces,
    )
    screen = Screen(settings.color)
    serve(
        config,
        settings,
        Paths.of(),
        lambda text: screen.line(f"  {visible(text)}"),
        log=not given.quiet,
    )
    sys.stderr.flush()
    return 0


def _path(given: str | None) -> Path | None:
    return None if given is None else Path(given).expanduser()
