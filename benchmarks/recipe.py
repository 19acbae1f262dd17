"""Which rank, rate, modules, mixture and number of passes: short runs on the same few pairs.

    python benchmarks/recipe.py configs/train/fast-v3.yaml --write

Each variant trains the base of that configuration from nothing on so many pairs of its data (one
pass unless the variant says otherwise, the schedule to its end) and changes one thing. What comes
out is looked at on two development sets, neither of which is a test set: rows of NL2Bash and
tldr-pages (the data's validation split), and the execution benchmark's dev half with the first
command that each task accepts. On each: nats per answer token, a cheap look and no more than that
(what an adapter is worth is how often its commands do what was asked: `cli-tuner run evaluate`).
The default is run with two seeds: what differs by less than they do is no difference.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as the train stage does

from tokenizers import Tokenizer

from cli_tuner.artifacts import SILENT
from cli_tuner.artifacts.config import load_config
from cli_tuner.chat import encode
from cli_tuner.settings import Paths
from cli_tuner.train.base import Frozen, find_base
from cli_tuner.train.checkpoint import State
from cli_tuner.train.config import TrainConfig
from cli_tuner.train.dev import Validation
from cli_tuner.train.engine import load_model
from cli_tuner.train.examples import Example, Examples, read_examples
from cli_tuner.train.loop import Training
from cli_tuner.train.model import Qwen2
from cli_tuner.train.record import hardware
from cli_tuner.train.track import Tracker

HERE = Path(__file__).parent
EXECUTION_DEV = HERE / "nl2bash_exec/dev.jsonl"
RESULTS = HERE / "results/recipe"


@dataclass(frozen=True)
class Variant:
    """What is changed, as `--set` takes it; `only` leaves one source of the mixture."""

    name: str
    changes: tuple[str, ...] = ()
    only: str | None = None
    pairs_share: float = 1.0


VARIANTS = (
    Variant("r 16, 2e-4, all linear"),
    Variant("the same, another seed", ("seed=12",)),
    Variant("1e-4", ("optimizer.learning_rate=1.0e-4",)),
    Variant("4e-4", ("optimizer.learning_rate=4.0e-4",)),
    Variant("8e-4", ("optimizer.learning_rate=8.0e-4",)),
    Variant("r 4", ("lora.rank=4", "lora.alpha=8")),
    Variant("r 64", ("lora.rank=64", "lora.alpha=128")),
    Variant("r 16, q and v", ("lora.modules=[q_proj, v_proj]",)),
    Variant("half the pairs, twice", ("epochs=2",), pairs_share=0.5),
    Variant("NL2Bash alone", only="nl2bash"),
    Variant("generated alone", only="generated"),
)


def configured(path: Path, variant: Variant, pairs: int) -> TrainConfig:
    changes = (
        "lora={rank: 16, alpha: 32}",
        "optimizer={learning_rate: 2.0e-4, warmup_share: 0.05}",
        "epochs=1",
        f"data.rows={round(pairs * variant.pairs_share)}",
        *variant.changes,
    )
    config = load_config(path, TrainConfig, changes)
    if variant.only is not None:
        kept = {
            name: share if name.partition("/")[0] == variant.only else 0.0
            for name, share in config.data.keep.items()
        }
        config = config.model_copy(update={"data": config.data.model_copy(update={"keep": kept})})
    return config


def execution_dev(tokenizer: Tokenizer) -> list[Example]:
    found = []
    for line in EXECUTION_DEV.read_text(encoding="utf-8").splitlines():
        task = json.loads(line)
        query, command = task["query"], task["references"][0]
        encoded = encode(query, command, tokenizer)
        found.append(Example(task["id"], query, command, "execution-dev", encoded))
    return found


def some(rows: Sequence[Example], count: int) -> list[Example]:
    chosen = list(rows)
    random.Random(7).shuffle(chosen)
    return chosen[:count]


def looked(model: Qwen2, tokenizer: Tokenizer, prefix: int, rows: list[Example]) -> float:
    return round(Validation(model, tokenizer, prefix, 1024, rows, ()).loss(), 4)


def trained(config: TrainConfig, base: Frozen, examples: Examples, tokenizer: Tokenizer) -> Qwen2:
    model = load_model(config, base, "cpu")
    nothing = Validation(model, tokenizer, examples.prefix, 1024, examples.validation[:1], ())
    with tempfile.TemporaryDirectory() as folder:
        tracker = Tracker(Path(folder), -1)
        state = State("recipe", "", base.sha256)
        Training(config, nothing, examples, tracker, SILENT).run(state, {})
        tracker.close()
    return model


def measured(
    config: TrainConfig,
    variant: Variant | None,
    base: Frozen,
    tokenizer: Tokenizer,
    tasks: list[Example],
) -> dict[str, object]:
    examples = read_examples(config.data, config.seed, tokenizer)
    sets = {"dev": some(examples.validation, 200), "execution-dev": tasks}
    began = time.perf_counter()
    if variant is None:
        model = load_model(config, base, "cpu")
    else:
        model = trained(config, base, examples, tokenizer)
    seconds = time.perf_counter() - began
    return {
        "variant": "the base alone" if variant is None else variant.name,
        "pairs": 0 if variant is None else len(examples.train),
        "seconds": round(seconds),
        **{name: looked(model, tokenizer, examples.prefix, rows) for name, rows in sets.items()},
    }


def table(found: list[dict]) -> str:
    lines = [
        "| variant | pairs | seconds | nats a token on dev, 200 rows | on execution-dev, 151 |",
        "|---|---|---|---|---|",
    ]
    for one in found:
        lines.append(
            f"| {one['variant']} | {one['pairs']} | {one['seconds']} "
            f"| {one['dev']:.3f} | {one['execution-dev']:.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("config", type=Path)
    parser.add_argument("--pairs", type=int, default=480)
    parser.add_argument("--write", action="store_true", help=f"to {RESULTS}.json and .md")
    given = parser.parse_args()
    usual = configured(given.config, VARIANTS[0], given.pairs)
    base = find_base(usual.base, usual.sitting.base_file, Paths.of(), SILENT)
    tokenizer = Tokenizer.from_file(str(base.folder / "tokenizer.json"))
    tasks = execution_dev(tokenizer)
    found = []
    for variant in (None, *VARIANTS):
        config = usual if variant is None else configured(given.config, variant, given.pairs)
        found.append(measured(config, variant, base, tokenizer, tasks))
        print(json.dumps(found[-1]), flush=True)
        if given.write:
            document = {"config": str(given.config), "hardware": hardware("cpu"), "runs": found}
            text = json.dumps(document, indent=2)
            RESULTS.with_suffix(".json").write_text(f"{text}\n", encoding="utf-8")
            RESULTS.with_suffix(".md").write_text(f"# Recipe\n\n{table(found)}\n", encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
