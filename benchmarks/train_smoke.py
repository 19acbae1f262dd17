"""A real training of the 0.5B on 64 pairs: does the loss fall, and does the engine answer with it?

    python benchmarks/train_smoke.py

Two minutes on two quiet cores; in float32 where the processor has no bfloat16 products, which is
several times as fast there. Works in a home of its own, so that nobody's catalogue changes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cli_tuner.models import Store, load_catalogue
from cli_tuner.settings import Paths
from cli_tuner.train.usage import bfloat16_products

QUERIES = (
    "find all python files modified in the last 2 days",
    "delete empty directories below ./build",
)


def main() -> int:
    program = shutil.which("cli-tuner", path=Path(sys.executable).parent)
    entry = load_catalogue(Paths.of()).base("fast")
    model = Store(Paths.of().models).trusted(entry)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environ = {**os.environ, "CLI_TUNER_HOME": str(home), "CLI_TUNER_MODEL": "fast+smoke"}
        models = Paths.of(environ).models
        models.mkdir(parents=True)
        (models / model.name).symlink_to(model)
        began = time.monotonic()
        train = [program, "run", "train", "configs/train/smoke.yaml", "--out", str(home / "runs")]
        if bfloat16_products() is False:
            train += ["--set", "precision=float32"]
        subprocess.run(train, env=environ, check=True)
        seconds = time.monotonic() - began
        rows = [
            json.loads(line)
            for line in (home / "runs" / "smoke" / "metrics.jsonl").read_text().splitlines()
        ]
        losses = [row["loss"] for row in rows if "loss" in row]
        dev = [row["dev_loss"] for row in rows if "dev_loss" in row]
        first, last = sum(losses[:4]) / 4, sum(losses[-4:]) / 4
        print(f"loss {first:.3f} -> {last:.3f}, dev loss {dev[0]:.3f} -> {dev[-1]:.3f}")
        print(f"{seconds / 60:.1f} minutes at load {os.getloadavg()[0]:.1f}")
        try:
            for query in QUERIES:
                asked = [program, "generate", "--quiet", query]
                said = subprocess.run(
                    asked, env=environ, check=True, capture_output=True, text=True
                )
                print(f"{query}: {said.stdout.strip()}")
                assert said.stdout.strip() and "`" not in said.stdout
        finally:
            subprocess.run([program, "stop"], env=environ, check=False, capture_output=True)
    assert last < 0.5 * first, "the loss did not fall"
    assert dev[-1] < dev[0], "the loss on dev did not fall"
    return 0


if __name__ == "__main__":
    sys.exit(main())
