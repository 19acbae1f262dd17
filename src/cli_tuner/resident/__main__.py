"""`python -m cli_tuner.resident`: started by `backends.engine`, not by people."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cli_tuner.resident.serve import Resident


def main() -> int:
    """Serve until idle or told to stop."""
    parser = argparse.ArgumentParser(prog="python -m cli_tuner.resident")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--idle-minutes", type=float, default=15.0)
    parser.add_argument("--ready-fd", type=int)
    given = parser.parse_args()
    resident = Resident(given.socket, given.model, given.threads, given.idle_minutes * 60)
    if given.ready_fd is not None:
        os.write(given.ready_fd, b"1")
        os.close(given.ready_fd)
    resident.serve()
    sys.stderr.flush()
    # The engine's threads need no farewell, and taking them down one by one can take seconds.
    os._exit(0)


if __name__ == "__main__":
    main()
