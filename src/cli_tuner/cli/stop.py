"""`cli-tuner stop`: end the resident engines of this user."""

from __future__ import annotations

import argparse
import json
import sys

from cli_tuner.backends.engine import stop_all
from cli_tuner.settings import Paths


def run(given: argparse.Namespace) -> int:
    """Stop them all. Stopping none is fine."""
    count = stop_all(Paths.of())
    if given.json:
        sys.stdout.write(f"{json.dumps({'schema_version': '1', 'stopped': count})}\n")
    else:
        what = (
            "no engine was running" if not count else f"stopped {count} engine" + "s" * (count > 1)
        )
        sys.stderr.write(f"{what}\n")
    return 0
