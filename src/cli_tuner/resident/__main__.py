"""`python -m cli_tuner.resident`: started by `backends.start`, not by people."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from cli_tuner.backends import wire
from cli_tuner.errors import BackendError, CliTunerError
from cli_tuner.resident.serve import Resident


def main() -> None:
    """Detach, serve until idle or told to stop."""
    parser = argparse.ArgumentParser(prog="python -m cli_tuner.resident")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--idle-minutes", type=float, default=15.0)
    parser.add_argument("--ready-fd", type=int, required=True)
    given = parser.parse_args()
    if os.fork():  # while there is one thread: whoever started us reaps this one and is rid of us
        os._exit(0)
    os.umask(0o077)
    resident = _made(given)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: resident.finish())
    _say(given.ready_fd, {"ready": True})
    resident.serve()
    sys.stderr.flush()
    # The engine's threads need no farewell, and taking them down one by one can take seconds.
    os._exit(0)


def _made(given: argparse.Namespace) -> Resident:
    """The resident; if it cannot be, whoever waits is told why and the process ends."""
    try:
        return Resident(given.socket, given.model, given.threads, given.idle_minutes * 60)
    except CliTunerError as error:
        _say(given.ready_fd, wire.failure(error))
    except OSError as error:
        said = f"the engine cannot listen at {given.socket}: {error.strerror or error}"
        _say(given.ready_fd, wire.failure(BackendError(said)))
    os._exit(1)


def _say(ready_fd: int, message: dict[str, object]) -> None:
    try:
        os.write(ready_fd, json.dumps(message).encode("ascii") + b"\n")
        os.close(ready_fd)
    except OSError:
        pass  # whoever started us did not wait; others may still come


if __name__ == "__main__":
    main()
