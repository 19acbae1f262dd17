"""What the resident process writes to its log: where it failed, never what it was asked."""

from __future__ import annotations

import sys
import time
import traceback


def log_failure(error: BaseException) -> None:
    """The kind of error and the lines it passed through.

    Not its message: validation errors quote the text they are about, and that may be a query.
    """
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {type(error).__qualname__}\n")
    traceback.print_tb(error.__traceback__, file=sys.stderr)
    sys.stderr.flush()
