"""A trained adapter, its data, its evaluations and a merged file: made up, as the stages write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.artifacts.artifact import PROVENANCE, address_of, digests_of, sha256_of_file
from cli_tuner.models import load_catalogue
from cli_tuner.prompt import TEMPLATE_SHA256
from cli_tuner.publish.model_contents import ModelSources
from cli_tuner.settings import Paths

NAME = "tiny-v1"
NOTICE = "Copyright the tldr-pages team, CC-BY-4.0; adapted"
ROWS = [("generated", "Apache-2.0")] * 6 + [("tldr", "CC-BY-4.0")] * 3 + [("nl2bash", "MIT")]


def seal(folder: Path, stage: str, **facts: Any) -> Path:
    """Write the provenance, as every stage does last."""
    digests = digests_of(folder)
    document = {
        "schema_version": "1",
        "stage": stage,
        "name": folder.name,
        "address": address_of(digests),
        "files": {name: {"sha256": digest} for name, digest in digests.items()},
        "finished_at": "2026-11-22T10:00:00+00:00",
        **facts,
    }
    (folder / PROVENANCE).write_text(json.dumps(document), encoding="utf-8")
    return folder


def rate(hits: int, n: int) -> dict[str, Any]:
    """A rate as results.json has it."""
    return {"hits": hits, "n": n, "value": hits / n, "low": 0.9 * hits / n, "high": 1.0}


@dataclass
class Kit:
    """The folders. Everything is made anew by calling the method again."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / "runs" / NAME

    @property
    def data(self) -> Path:
        return self.root / "data" / "processed" / "mix"

    @property
    def adapter(self) -> Path:
        return self.run / "models" / f"{NAME}.gguf"

    @property
    def base_sha256(self) -> str:
        return load_catalogue(Paths.of()).base("fast").sha256

    def sources(self, **changes: Any) -> ModelSources:
        given = {"run": self.run, "data": self.data, "licence": "Apache-2.0"}
        return ModelSources(**given | changes)

    def make_data(self, rows: list[tuple[str, str]] = ROWS, **changes: Any) -> Path:
        self.data.mkdir(parents=True, exist_ok=True)
        lines = [
            json.dumps({"query": f"q{n}", "command": f"ls {n}", "source": source, "license": spdx})
            for n, (source, spdx) in enumerate(rows)
        ]
        (self.data / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        facts = {
            "config": {"description": "A small mixture."},
            "sources": [{"name": "all", "attribution": {"tldr": NOTICE}}],
            "leakage": {"train -> validation": {"same pair": 0, "same template": 0}},
        }
        return seal(self.data, "data", **facts | changes)

    def record(self, **changes: Any) -> dict[str, Any]:
        """What the train stage knows of the adapter."""
        train = {"file": "train.jsonl", "sha256": sha256_of_file(self.data / "train.jsonl")}
        found = {
            "schema_version": "1",
            "name": NAME,
            "base": {
                "name": "fast",
                "sha256": self.base_sha256,
                "repo": "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
                "revision": "ebb2015119c907b064c512bf053e945850b5875f",
                "license": "Apache-2.0",
            },
            "serves": {"name": "fast", "sha256": self.base_sha256},
            "data": {
                "folder": "mix",
                "files": {"train": train},
                "address": "0" * 64,
                "sources": {"generated": 6, "tldr": 3, "nl2bash": 1},
                "tokens": 720,
            },
            "config_sha256": "c" * 64,
            "template_sha256": TEMPLATE_SHA256,
            "seeds": {"all": 7},
            "engine": "torch",
            "trained_by": "somebody",
            "trained_at": "2026-11-22T09:59:00+00:00",
            "code": {"cli_tuner": "1.0.0", "commit": "abc"},
            "packages": {"torch": "2.13.0"},
            "adapter": {
                "file": f"{NAME}.gguf",
                "sha256": sha256_of_file(self.adapter),
                "bytes": self.adapter.stat().st_size,
                "rank": 16,
                "alpha": 32.0,
                "modules": ["q_proj", "v_proj"],
            },
            "hardware": {"device": "cpu", "processor": "AMD EPYC", "cores": 2, "threads": 2},
            "steps": 40,
            "chosen_step": 40,
            "tokens": 2_160,
            "seconds": 5_400,
            "sittings": 3,
        }
        return found | changes

    def make_run(self, *, content: bytes = b"adapter", **changes: Any) -> Path:
        for folder in ("models", "peft"):
            (self.run / folder).mkdir(parents=True, exist_ok=True)
        self.adapter.write_bytes(b"GGUF" + content * 20_000)
        (self.run / "peft" / "adapter_config.json").write_text('{"peft_type": "LORA"}')
        (self.run / "peft" / "adapter_model.safetensors").write_bytes(content * 30_000)
        (self.run / "curves.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 64)
        (self.run / "answers.jsonl").write_text('{"query": "q"}\n')
        looks = [
            {"step": 0, "dev_loss": 1.5, "dev_exact": 0.05},
            {"step": 20, "dev_loss": 0.8, "dev_exact": 0.2},
            {"step": 40, "dev_loss": 0.75, "dev_exact": 0.25},
        ]
        lines = "".join(f"{json.dumps(row)}\n" for row in [{"step": 1, "loss": 2.0}, *looks])
        (self.run / "metrics.jsonl").write_text(lines)
        config = {
            "description": "Made up for a test.",
            "epochs": 3.0,
            "examples_per_step": 16,
            "precision": "bfloat16",
            "lora": {"dropout": 0.0},
            "optimizer": {"learning_rate": 0.0002, "warmup_share": 0.03},
        }
        return seal(self.run, "train", config=config, model=self.record(**changes))

    def make_evaluation(
        self, name: str, *, of: str = "adapter", right: str = "111", **changes: Any
    ) -> Path:
        """Three requests; `right` has a 1 for each whose answer is exact."""
        folder = self.root / "evaluation" / name
        folder.mkdir(parents=True, exist_ok=True)
        hits, n = right.count("1"), len(right)
        exact = rate(hits, n)
        adapter = sha256_of_file(self.adapter) if "adapter" in of else None
        derived = load_catalogue(Paths.of()).base("fast-trimmed").sha256
        bleu = {"n": n, "value": 61.5, "low": 40.25, "high": 80.0}
        gate = {"gate": "exact match, canonical", "condition": "≥ 85 %", "set": "dev"}
        results = {
            "schema_version": "1",
            "name": name,
            "description": "",
            "model": {
                "name": "fast",
                "engine": "xllamacpp 1.0",
                "sha256": of if len(of) == 64 else derived if "trimmed" in of else self.base_sha256,
                "adapter": NAME if adapter else None,
                "adapter_sha256": adapter,
            },
            "gates": [
                {**gate, "verdict": "pass" if hits == n else "FAIL", **exact},
                {"gate": "drop on general benchmarks", "condition": "≤ 5 points", "set": None,
                 "verdict": "not measured"},
            ],
            "sets": {
                "dev": {
                    "n": n,
                    "rows_in_file": 10,
                    "file": "dev.jsonl",
                    "sha256": "d" * 64,
                    "latency_ms": {"median": 600.0, "p95": 900.0},
                    "suites": {
                        "domain": {
                            "measures": {"exact_canonical": exact, "bleu": bleu},
                            "by_utility": {"find": {"exact_canonical": exact}},
                        }
                    },
                }
            },
            "general": None,
            "run": {
                "identity": {"template_sha256": TEMPLATE_SHA256},
                "sittings": [{"parallel": 1}, {"parallel": 1}],
            },
            "machine": {"processor": "AMD EPYC", "cores": 2},
            **changes,
        }  # fmt: skip
        (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
        outcomes = [
            {"set": "dev", "suite": "domain", "id": f"r{i}",
             "measures": {"exact_canonical": letter == "1", "option_valid": None}}
            for i, letter in enumerate(right)
        ]  # fmt: skip
        (folder / "outcomes.jsonl").write_text("".join(f"{json.dumps(o)}\n" for o in outcomes))
        (folder / "items.jsonl").write_text('{"raw": "rm -rf /"}\n')
        return seal(folder, "evaluate")

    def make_merged(self, *types: str, adapter: str | None = None) -> Path:
        """Merged files of these types, and one with a tensor in a type of its own."""
        folder = self.root / "quantized" / NAME
        folder.mkdir(parents=True, exist_ok=True)
        wanted = [{"type": name} for name in types] + [{"type": "Q4_0", "output_matrix": "q6_K"}]
        files = []
        for one in wanted:
            label = one["type"].lower() + ("-out-q6_k" if "output_matrix" in one else "")
            path = folder / f"{NAME}-{label}.gguf"
            path.write_bytes(b"GGUF" + label.encode() * 10_000)
            size = path.stat().st_size
            files.append({"file": path.name, "bytes": size, "bits_per_weight": 4.85})
        facts = {
            "base": {"name": "fast", "sha256": self.base_sha256},
            "adapter": {"name": NAME, "sha256": adapter or sha256_of_file(self.adapter)},
            "files": files,
        }
        return seal(folder, "quantize", config={"files": wanted}, model=facts)
