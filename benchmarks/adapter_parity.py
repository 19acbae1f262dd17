"""Do PyTorch and llama.cpp agree on an adapter?

    python benchmarks/adapter_parity.py runs/fast-v3 --data data/processed/train-v4 --prompts 100

llama.cpp answers greedily with the adapter on the untouched quantized base. Each answer is read
by our forward pass, dequantized base and peft folder: the greedy answers of both are the same if
and only if the most likely token here is llama.cpp's at every place, the end included. Where it is
not, the gap is log p(ours) - log p(theirs) at the first such token, as PyTorch sees it; a small one
is a near-tie that rounding decides (llama.cpp rounds activations to 8 bits, PyTorch to bfloat16).

Pass: at least 90 % of the answers are the same or differ by a near-tie, and half of the tokens'
log-probabilities agree within 0.05 nats, 95 % within 0.5.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
import xllamacpp
from tokenizers import Tokenizer

from cli_tuner.artifacts import SILENT
from cli_tuner.chat import Encoded
from cli_tuner.prompt import STOP, to_prompt
from cli_tuner.settings import Paths
from cli_tuner.train.base import find_base
from cli_tuner.train.config import Base, Lora, TrainData
from cli_tuner.train.examples import Examples, read_examples
from cli_tuner.train.export import read_peft
from cli_tuner.train.lora import Adapter
from cli_tuner.train.model import Architecture, Qwen2
from cli_tuner.train.packed import pack

SEED = 7
NEAR_TIE = 0.3
"""Nats: a token at most 1.35 times as likely as the other."""


@dataclass(frozen=True)
class Heard:
    """llama.cpp's answer: tokens and their log-probabilities; the end, if it came, is the last."""

    query: str
    text: str
    tokens: list[int]
    logprobs: list[float]


def heard(
    model: Path, adapter: Path | None, queries: list[str], tokenizer: Tokenizer
) -> list[Heard]:
    stop = tokenizer.token_to_id(STOP)
    with tempfile.TemporaryDirectory() as private:
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        if adapter is not None:
            params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
        params.hostnames = [f"{private}/llama.sock"]
        params.n_ctx, params.warmup, params.fit_params, params.verbosity = 2048, False, False, -1
        params.n_parallel, params.n_gpu_layers = 1, 0
        server = xllamacpp.Server(params)
        found = []
        for query in queries:
            asked = {
                "prompt": to_prompt(query),
                "max_tokens": 96,
                "temperature": 0,
                "logprobs": 1,
                "cache_prompt": True,
            }
            answer = server.handle_completions(asked)
            answer = json.loads(answer) if isinstance(answer, str) else answer
            (choice,) = answer["choices"]
            content = (choice.get("logprobs") or {}).get("content") or []
            tokens = [int(one["id"]) for one in content]
            logprobs = [float(one["logprob"]) for one in content]
            if choice["finish_reason"] == "stop" and (not tokens or tokens[-1] != stop):
                tokens.append(stop)
            found.append(Heard(query, choice["text"], tokens, logprobs))
    return found


@torch.no_grad()
def compared(model: Qwen2, answers: list[Heard], prefix: int, tokenizer: Tokenizer) -> list[dict]:
    rows = []
    for answer in answers:
        prompt = tokenizer.encode(to_prompt(answer.query)).ids
        one = Encoded([*prompt, *answer.tokens], [], len(prompt))
        packed = pack([one], prefix, model.device)
        hidden = model(packed.ids, packed.positions, packed.attend)[packed.predicting]
        logprobs = (hidden @ model.head.T).float().log_softmax(-1)  # (M, V)
        best = logprobs.argmax(-1).tolist()
        other = next((n for n, token in enumerate(answer.tokens) if best[n] != token), None)
        mine = logprobs.gather(1, packed.targets[:, None])[:, 0].tolist()
        row = {
            "query": answer.query,
            "answer": answer.text,
            "same": other is None,
            "differences": [abs(a - b) for a, b in zip(mine, answer.logprobs, strict=False)],
        }
        if other is not None:
            row["gap"] = float(logprobs[other, best[other]]) - mine[other]
            row["instead"] = tokenizer.decode([best[other]], skip_special_tokens=False)
            row["at"] = other
        rows.append(row)
    return rows


def requests_of(data: Examples, count: int) -> list[str]:
    """Requests of the development set in a seeded order, then of training if there are too few."""
    dev = list(data.validation)
    random.Random(SEED).shuffle(dev)
    if len(dev) < count:
        dev = [*dev, *data.train]
    return [one.query for one in dev[:count]]


def differences(rows: list[dict], digits: int) -> dict[str, object]:
    """How many tokens, and how far apart their log-probabilities are, in nats."""
    found = sorted(value for row in rows for value in row["differences"])
    return {
        "tokens": len(found),
        "logprob_difference": {
            "median": round(statistics.median(found), digits),
            "p95": round(found[int(0.95 * len(found))], digits),
            "max": round(found[-1], digits),
        },
    }


def report(found: dict, rows: list[dict], out: Path | None) -> int:
    """Print what was found, keep it with every row; the status."""
    print(json.dumps(found, indent=2))
    if out is not None:
        out.write_text(json.dumps({**found, "rows": rows}, indent=1, ensure_ascii=False))
    return 0 if found["passed"] else 1


def main() -> int:
    parser = argparse.ArgumentParser(description="Do PyTorch and llama.cpp agree on an adapter?")
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    record = json.loads((given.artifact / "models" / "provenance.json").read_text())
    base = find_base(Base(model=record["base"]["name"]), None, Paths.of(), SILENT)
    tokenizer = Tokenizer.from_file(str(base.folder / "tokenizer.json"))
    data = read_examples(TrainData(folder=given.data, rows=64), SEED, tokenizer)
    file = given.artifact / "models" / record["adapter"]["file"]
    answers = heard(base.gguf, file, requests_of(data, given.prompts), tokenizer)
    config = Lora(
        rank=record["adapter"]["rank"],
        alpha=record["adapter"]["alpha"],
        modules=record["adapter"]["modules"],
    )
    shape = Architecture.of(base.folder)
    adapter = Adapter(shape.shapes, shape.layers, config)
    adapter.put(read_peft(given.artifact / "peft"))
    model = Qwen2(base.folder, adapter, "cpu", getattr(torch, given.precision))
    rows = compared(model, answers, data.prefix, tokenizer)
    gaps = sorted(row["gap"] for row in rows if not row["same"])
    near = sum(gap <= NEAR_TIE for gap in gaps)
    same = sum(row["same"] for row in rows)
    found = {
        "adapter_sha256": record["adapter"]["sha256"],
        "precision": given.precision,
        "prompts": len(rows),
        "same": same,
        "near_ties": near,
        "gaps": [round(gap, 3) for gap in gaps],
        **differences(rows, 4),
    }
    passed = (
        (same + near) >= 0.9 * len(rows)
        and found["logprob_difference"]["median"] <= 0.05
        and found["logprob_difference"]["p95"] <= 0.5
    )
    return report({**found, "passed": passed}, rows, given.out)


if __name__ == "__main__":
    sys.exit(main())
