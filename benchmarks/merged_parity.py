"""Does llama.cpp compute from the merged float16 file what PyTorch computes from base and adapter?

    python benchmarks/merged_parity.py quantized/fast-v2/fast-v2-f16.gguf \\
        --base fast --adapter models/adapters/fast-v2.gguf --data data/processed/train-v3

PyTorch has the dequantized base and the adapter beside it, in float32, so that merging, converting
and the file are on one side only. Three things are compared:

- tokens: what the engine cuts 2,000 strings into, against transformers' own reading of the file;
- greedy answers to 200 requests of the development set, as benchmarks/adapter_parity.py does it;
- the log-probability of each token of these answers.

Pass: all tokens equal; at least 98 % of the answers the same; half of the log-probabilities within
0.01 nats and 95 % within 0.1.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import sys
import tempfile
from pathlib import Path

import torch
import xllamacpp
from tokenizers import Tokenizer

from adapter_parity import SEED, compared, differences, heard, report, requests_of
from cli_tuner.artifacts import SILENT
from cli_tuner.backends.prefix import Control
from cli_tuner.settings import Paths
from cli_tuner.train.base import find_base
from cli_tuner.train.config import Base, Lora, TrainData
from cli_tuner.train.examples import read_examples
from cli_tuner.train.lora import Adapter
from cli_tuner.train.model import Architecture, Qwen2
from cli_tuner.train.start import find_start

STRINGS = 2000


def strings_of(data: Path, count: int) -> list[str]:
    """Requests and commands of all splits, without a pair twice, in a seeded order."""
    found: dict[str, None] = {}
    for split in ("train", "validation", "test"):
        for line in (data / f"{split}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found |= {row["query"]: None, row["command"]: None}
    texts = list(found)
    random.Random(SEED).shuffle(texts)
    return texts[:count]


def cut_differently(merged: Path, texts: list[str]) -> list[str]:
    """Texts that the engine and transformers do not cut into the same tokens."""
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(str(merged.parent), gguf_file=merged.name)
    with tempfile.TemporaryDirectory() as private:
        control = Control(Path(private) / "llama.sock", secrets.token_urlsafe(32))
        params = xllamacpp.CommonParams()
        params.model.path = str(merged)
        params.hostnames, params.api_keys = [str(control.socket)], [control.key]
        params.n_ctx, params.warmup, params.fit_params, params.verbosity = 512, False, False, -1
        server = xllamacpp.Server(params)
        different = []
        for text in texts:
            said = control.post("/tokenize", {"content": text, "add_special": False})
            if said is None or said["tokens"] != theirs.encode(text, add_special_tokens=False):
                different.append(text)
        del server
    return different


def main() -> int:
    """Print what was found; 1 if it does not pass."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("merged", type=Path)
    parser.add_argument("--base", default="fast")
    parser.add_argument("--adapter", default="fast-v3")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alpha", type=float, default=32)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    paths = Paths.of()
    different = cut_differently(given.merged, strings_of(given.data, STRINGS))
    base = find_base(Base(model=given.base), None, paths, SILENT)
    tokenizer = Tokenizer.from_file(str(base.folder / "tokenizer.json"))
    data = read_examples(TrainData(folder=str(given.data), rows=64), SEED, tokenizer)
    answers = heard(given.merged, None, requests_of(data, given.prompts), tokenizer)
    shape = Architecture.of(base.folder)
    adapter = Adapter(shape.shapes, shape.layers, Lora(rank=given.rank, alpha=given.alpha))
    find_start(given.adapter, paths).put_on(adapter, base)
    rows = compared(
        Qwen2(base.folder, adapter, "cpu", torch.float32), answers, data.prefix, tokenizer
    )
    same = sum(row["same"] for row in rows)
    found = {
        "strings": STRINGS,
        "cut_differently": different,
        "prompts": len(rows),
        "same": same,
        "gaps": sorted(round(row["gap"], 4) for row in rows if not row["same"]),
        **differences(rows, 5),
    }
    passed = (
        not different
        and same >= 0.98 * len(rows)
        and found["logprob_difference"]["median"] <= 0.01
        and found["logprob_difference"]["p95"] <= 0.1
    )
    return report({**found, "passed": passed}, rows, given.out)


if __name__ == "__main__":
    sys.exit(main())
