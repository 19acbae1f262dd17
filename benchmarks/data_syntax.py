"""How long bash -n and ShellCheck take for every row of a file, duplicates included.

python benchmarks/data_syntax.py datasets/nl2bash_full.jsonl.zst --workers 2
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections import Counter

from cli_tuner.data.config import FileSource
from cli_tuner.data.pair import Pair
from cli_tuner.data.parallel import chunked, pool
from cli_tuner.data.sources import opened
from cli_tuner.syntax import faults_of, tool_versions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path")
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args()
    rows = opened(FileSource(name="rows", path=given.path), seed=0).rows()
    commands = [" ".join(row.command.splitlines()) for row in rows if isinstance(row, Pair)]
    found: Counter[str] = Counter()
    started = time.monotonic()
    with pool(given.workers, tool_versions) as workers:
        for faults in workers.map(faults_of, chunked(commands, 256)):
            found.update(fault.split(":")[0] for fault in faults)
    seconds = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps(
            {
                "rows": len(commands),
                "workers": given.workers or os.cpu_count(),
                "seconds": round(seconds, 1),
                "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
                "faults": dict(found.most_common()),
                "tools": tool_versions(),
            }
        )
    )


if __name__ == "__main__":
    main()
