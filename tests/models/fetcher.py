"""A second process: fetches the tiny model into the home and from the Hub that it is told.

Usage: fetcher.py HOME FILE BYTES SHA256. Prints its notices and, at the end, the source.
"""

import sys

from cli_tuner.models import BaseModel, Progress, obtain
from cli_tuner.models.entry import HubPin
from cli_tuner.settings import Paths


class Printer(Progress):
    def on_progress(self, done_bytes: int, total_bytes: int, source: str) -> None:
        if done_bytes > 500_000 and source == "Hugging Face Hub":
            print("on its way", flush=True)

    def on_notice(self, message: str) -> None:
        print(message, flush=True)


home, file, size, digest = sys.argv[1:]
entry = BaseModel(
    name="tiny",
    title="Tiny",
    file=file,
    size_bytes=int(size),
    sha256=digest,
    parameters=1,
    ram_bytes=1,
    hub=HubPin("team/tiny-GGUF", "c0ffee"),
)
paths = Paths.of({"CLI_TUNER_HOME": home})
print("source:", obtain(entry, paths, progress=Printer()).source)
