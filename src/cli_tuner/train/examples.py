"""What each step sees: rows to tokens, and an order that depends on the seed alone.

A step is a fixed set of examples, whatever the machine; a machine divides it into passes that fit
its memory. So a run can go on anywhere from the number of its step.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.artifacts import require
from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.chat import Encoded, Tokenizer, encode
from cli_tuner.errors import TrainingError
from cli_tuner.train.config import TrainData

TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True)
class Example:
    """One pair and its tokens."""

    id: str
    query: str
    command: str
    source: str
    encoded: Encoded

    def __len__(self) -> int:
        return len(self.encoded.input_ids)


@dataclass(frozen=True)
class Examples:
    """The splits. `prefix` is how many tokens all prompts begin with."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    prefix: int
    facts: dict[str, Any]


def read_examples(config: TrainData, seed: int, tokenizer: Tokenizer) -> Examples:
    """The training and validation examples of a folder, and what there is to know of them.

    Raises TrainingError for a folder that is not a data set, or if nothing is left.
    """
    folder = Path(config.folder).expanduser()
    files = {name: _file(folder, name) for name in (TRAIN, VALIDATION)}
    kept = _chosen(list(_rows(files[TRAIN])), config, seed)
    read = {
        TRAIN: _encoded(kept, files[TRAIN], tokenizer, config.max_tokens),
        VALIDATION: _encoded(_rows(files[VALIDATION]), files[VALIDATION], tokenizer, 32_768),
    }
    if not read[TRAIN] or not read[VALIDATION]:
        raise TrainingError(f"nothing is left of {folder}", hint="see data.keep and max_tokens")
    sources = Counter(example.source for example in read[TRAIN])
    facts = {
        "folder": folder.name,
        "files": {
            name: {"file": path.name, "sha256": sha256_of_file(path), "rows": len(read[name])}
            for name, path in files.items()
        },
        "address": _address(folder),
        "sources": dict(sources.most_common()),
        "too_long": len(kept) - len(read[TRAIN]),
        "tokens": sum(map(len, read[TRAIN])),
        "answer_tokens": sum(example.encoded.answer_tokens for example in read[TRAIN]),
    }
    return Examples(
        tuple(read[TRAIN]), tuple(read[VALIDATION]), _shared(read[TRAIN] + read[VALIDATION]), facts
    )


def _file(folder: Path, split: str) -> Path:
    for ending in (".jsonl", ".parquet"):
        path = folder / f"{split}{ending}"
        if path.is_file():
            return path
    raise TrainingError(
        f"{folder} has no {split}.jsonl or {split}.parquet",
        hint="make it with: cli-tuner run data configs/data/train-v2.yaml",
    )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        yield from require("pyarrow.parquet", "data").read_table(path).to_pylist()
        return
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise TrainingError(f"{path}:{number}: no JSON: {error}") from error


def _address(folder: Path) -> str | None:
    """The data set's address, if the data stage made it."""
    try:
        document = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        return str(document["address"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _chosen(rows: list[dict[str, Any]], config: TrainData, seed: int) -> list[dict[str, Any]]:
    """Each row stays or leaves by its own digest, so that one share more adds rows to the same."""

    def place(row: dict[str, Any]) -> float:
        text = f"{seed}\0{row.get('query')}\0{row.get('command')}"
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64

    names = [_names(row) for row in rows]
    unknown = set(config.keep) - {name for both in names for name in both}
    if unknown:
        raise TrainingError(f"data.keep names a source without rows: {', '.join(sorted(unknown))}")
    kept = []
    for row, (part, source) in zip(rows, names, strict=True):
        if place(row) < config.keep.get(part, config.keep.get(source, 1.0)):
            kept.append(row)
    if config.rows is not None:
        kept = sorted(kept, key=place)[: config.rows]
    return kept


def _names(row: dict[str, Any]) -> tuple[str, str]:
    """The part of its source that a row belongs to, and the source."""
    source = str(row.get("source", ""))
    return f"{source}/{str(row.get('id', '')).partition('.')[0]}", source


def _encoded(
    rows: Iterable[dict[str, Any]], path: Path, tokenizer: Tokenizer, most: int
) -> list[Example]:
    found = []
    for number, row in enumerate(rows, start=1):
        try:
            tokens = encode(row["query"], row["command"], tokenizer)
        except (KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"{path}, row {number}: not a pair: {error}") from error
        if len(tokens.input_ids) <= most:
            name = str(row.get("id", number))
            source = str(row.get("source", ""))
            found.append(Example(name, row["query"], row["command"], source, tokens))
    return found


def _shared(examples: Sequence[Example]) -> int:
    """How many first tokens all prompts have in common. One token of each is its own at least."""
    prompts = [
        example.encoded.input_ids[: example.encoded.prompt_tokens - 1] for example in examples
    ]
    first, last = min(prompts), max(prompts)
    return next(
        (n for n, both in enumerate(zip(first, last, strict=False)) if both[0] != both[1]),
        len(first),
    )


def steps_in(examples: int, epochs: float, per_step: int) -> int:
    """How many steps the whole run has; the last of an epoch may be smaller."""
    whole, part = divmod(epochs, 1)
    each = math.ceil(examples / per_step)
    return max(1, int(whole) * each + round(part * each))


def step_examples(count: int, step: int, per_step: int, seed: int) -> list[int]:
    """The numbers of the examples that a step (from 0) sees: each once an epoch, shuffled."""
    epoch, place = divmod(step, math.ceil(count / per_step))
    order = list(range(count))
    random.Random(f"{seed}/{epoch}").shuffle(order)  # noqa: S311
    return order[place * per_step : (place + 1) * per_step]


def passes(examples: Sequence[Example], prefix: int, most_tokens: int) -> list[list[Example]]:
    """Divide a step into passes of at most so many tokens; a longer example goes alone.

    Sorted by length: attention works on rows of about the same width.
    """
    found: list[list[Example]] = []
    tokens = 0
    for example in sorted(examples, key=len):
        own = len(example) - prefix
        if not found or prefix + tokens + own > most_tokens:
            found.append([])
            tokens = 0
        found[-1].append(example)
        tokens += own
    return found
