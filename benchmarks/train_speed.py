"""How fast a training step is here, beside transformers with peft on the same examples.

    python benchmarks/train_speed.py --base fast --data data/processed/train-v2

Both make the gradient of the same examples, an adapter on every linear layer of the same base, in
bfloat16 unless --precision says float32 (faster on processors without bfloat16 products). Ours
packs without padding, computes the shared system text once and takes logits at answer tokens alone;
theirs is given length-sorted rows with right padding, as a trainer does. Processor time is given
beside the clock: on a shared machine it is the number that can be trusted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as the train stage does

import torch
from tokenizers import Tokenizer

from cli_tuner.artifacts import SILENT
from cli_tuner.settings import Paths
from cli_tuner.train.base import find_base
from cli_tuner.train.config import Base, Lora, TrainData
from cli_tuner.train.examples import Example, passes, read_examples
from cli_tuner.train.lora import Adapter
from cli_tuner.train.loss import answer_loss
from cli_tuner.train.model import Architecture, Qwen2
from cli_tuner.train.packed import pack


def measured(name: str, work: Callable[[], float], tokens: int, pairs: int, rounds: int) -> dict:
    work()
    clocks, cpus = [], []
    loss = 0.0
    for _ in range(rounds):
        clock, cpu = time.perf_counter(), cpu_seconds()
        loss = work()
        clocks.append(time.perf_counter() - clock)
        cpus.append(cpu_seconds() - cpu)
    clock, cpu = statistics.median(clocks), statistics.median(cpus)
    return {
        "engine": name,
        "loss": round(loss, 4),
        "tokens_per_s": round(tokens / clock),
        "pairs_per_s": round(pairs / clock, 2),
        "tokens_per_cpu_s": round(tokens / cpu),
        "load": os.getloadavg()[0],
        "max_rss_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 1),
    }


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def ours(
    model: Qwen2, examples: list[Example], prefix: int, most: int, recompute: bool
) -> Callable[[], float]:
    answers = sum(one.encoded.answer_tokens for one in examples)

    def step() -> float:
        total = 0.0
        model.adapter.gradient.zero_()
        for part in passes(examples, prefix, most):
            packed = pack([one.encoded for one in part], prefix, model.device)
            hidden = model(packed.ids, packed.positions, packed.attend, recompute=recompute)
            loss = answer_loss(hidden[packed.predicting], model.head, packed.targets) / answers
            loss.backward()
            total += float(loss.detach())
        return total

    return step


def theirs(
    folder: Path, lora: Lora, examples: list[Example], per_pass: int, precision: torch.dtype
) -> Callable[[], float]:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folder, dtype=precision)
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.modules))
    model = get_peft_model(base, config)
    answers = sum(one.encoded.answer_tokens for one in examples)
    rows = sorted(examples, key=len)

    def step() -> float:
        model.zero_grad()
        total = 0.0
        for first in range(0, len(rows), per_pass):
            part = [one.encoded for one in rows[first : first + per_pass]]
            width = max(len(one.input_ids) for one in part)
            ids = torch.tensor([one.input_ids + [0] * (width - len(one.input_ids)) for one in part])
            labels = torch.tensor([one.labels + [-100] * (width - len(one.labels)) for one in part])
            mask = torch.tensor(
                [[n < len(one.input_ids) for n in range(width)] for one in part]
            ).long()
            loss = model(
                input_ids=ids, attention_mask=mask, labels=labels, num_items_in_batch=answers
            ).loss
            loss.backward()
            total += float(loss.detach())
        return total

    return step


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--base", default="fast")
    parser.add_argument("--data", required=True)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pass-tokens", type=int, default=1024)
    parser.add_argument("--recompute", action="store_true")
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--only", choices=("ours", "theirs"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    precision = getattr(torch, given.precision)
    frozen = find_base(Base(model=given.base), None, Paths.of(), SILENT)
    tokenizer = Tokenizer.from_file(str(frozen.folder / "tokenizer.json"))
    data = read_examples(TrainData(folder=given.data, rows=given.pairs), 7, tokenizer)
    examples = list(data.train)
    tokens = sum(map(len, examples))
    lora = Lora(rank=given.rank, alpha=2 * given.rank)
    if given.only != "theirs":
        shape = Architecture.of(frozen.folder)
        adapter = Adapter(shape.shapes, shape.layers, lora, "cpu", 7)
        model = Qwen2(frozen.folder, adapter, "cpu", precision)
        step = ours(model, examples, data.prefix, given.pass_tokens, given.recompute)
        print(json.dumps(measured("ours", step, tokens, len(examples), given.rounds)), flush=True)
        del model, step
    if given.only != "ours":
        step = theirs(frozen.folder, lora, examples, 16, precision)
        found = measured("transformers + peft", step, tokens, len(examples), given.rounds)
        print(json.dumps(found))


if __name__ == "__main__":
    main()
