"""How fast the engine is with several model files, adapters and settings, in one interleaved run.

    python benchmarks/engine.py base=fast+none adapter=fast+fast-v3 \\
        merged=quantized/fast-v3/fast-v3-q4_k_m.gguf one-thread=fast+none,threads=1

Each variant is a process of its own that has loaded its model and waits; they are asked in turn,
one query after another, so that a change of the machine's speed meets all of them. Figures are
medians and their ratio to the first variant, whose quotients are taken query by query. RSS is the
process's, after the first answer; `load` is from the start of the process's own loading to the end
of it, with the file in the page cache; tokens a second are the engine's own counts. `repack=off`
uses the weights as they lie in the file instead of arranged anew for this processor: a quicker
start and less memory, against speed. `mapped=on` uses them where the kernel maps the file, in small
pages: a quicker start, against speed and memory. CPU is the process's, all threads, an answer's
whole work by the tokens read and written; with threads=1 it says something even where other
programs run beside.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

QUERIES = (
    "find files bigger than 100MB here",
    "show the ten largest folders under /var",
    "count the lines of every python file",
    "compress the folder reports into reports.tar.gz",
    "rename all jpeg files to jpg",
    "replace tabs with four spaces in main.py",
    "list processes that use more than a gigabyte of memory",
    "show lines 20 to 30 of notes.txt",
    "delete empty directories below the current one",
    "print the third column of data.csv",
)
NEW_TOKENS = 24


def not_repacked() -> None:
    """From here on the engine takes weights as they are."""
    import xllamacpp

    made = xllamacpp.CommonParams

    def plain() -> Any:
        params = made()
        params.no_extra_bufts = True
        return params

    xllamacpp.CommonParams = plain


def mapped_from_the_file() -> None:
    """From here on weights are used where the kernel maps the file, as until November 2026."""
    import xllamacpp

    from cli_tuner.backends import pages

    made = xllamacpp.Server

    def mapped(params: Any) -> Any:
        params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_AUTO
        return made(params)

    xllamacpp.Server = mapped
    pages.gather_soon = lambda wait_idle: None


def serve(reference: str, threads: int) -> None:
    """Load one model, then answer a line of JSON for each line of JSON."""
    from cli_tuner.backends.embedded import EmbeddedBackend
    from cli_tuner.backends.protocol import Sampling
    from cli_tuner.models import resolve
    from cli_tuner.prompt import TEMPLATE_SHA256, to_prompt
    from cli_tuner.records import ModelIdentity, NormalizedRequest, new_request_id, sha256_of
    from cli_tuner.settings import Paths

    model = resolve(reference, Paths.of())
    model.path.read_bytes()  # into the page cache
    identity = ModelIdentity(name=model.name, backend="local", engine="benchmark")
    with tempfile.TemporaryDirectory() as private:
        began, cpu = time.perf_counter(), time.process_time()
        backend = EmbeddedBackend(
            model.path,
            identity,
            private=Path(private),
            adapter=model.adapter_path,
            threads=threads,
        )
        load_s = time.perf_counter() - began
        size = model.path.stat().st_size
        size += model.adapter_path.stat().st_size if model.adapter_path else 0
        load_cpu_s = time.process_time() - cpu
        print(json.dumps({"load_s": load_s, "load_cpu_s": load_cpu_s, "bytes": size}), flush=True)
        for line in sys.stdin:
            prompt = to_prompt(json.loads(line))
            request = NormalizedRequest(
                request_id=new_request_id(),
                query=json.loads(line),
                prompt=prompt,
                prompt_sha256=sha256_of(prompt),
                template_sha256=TEMPLATE_SHA256,
            )
            began, cpu = time.perf_counter(), time.process_time()
            output = backend.complete(request, Sampling(max_new_tokens=NEW_TOKENS))
            cpu_s = time.process_time() - cpu
            fresh = output.prompt_tokens - output.cached_tokens
            print(
                json.dumps(
                    {
                        "total_ms": (time.perf_counter() - began) * 1000,
                        "prompt_tokens_s": 1000 * fresh / output.prompt_ms,
                        "decode_tokens_s": 1000 * output.completion_tokens / output.decode_ms,
                        "cpu_ms_token": 1000 * cpu_s / (fresh + output.completion_tokens),
                        "rss_mb": _rss_mb(),
                        "answer": output.text,
                    }
                ),
                flush=True,
            )
        backend.close()


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


class Variant:
    """A process that holds one variant."""

    def __init__(self, text: str) -> None:
        self.name, _, rest = text.partition("=")
        self.reference, *settings = rest.split(",")
        chosen = dict(one.split("=", 1) for one in settings)
        command = [sys.executable, __file__, "--serve", self.reference]
        command += ["--threads", chosen.pop("threads", "0")]
        command += ["--plain"] if chosen.pop("repack", "on") == "off" else []
        command += ["--mapped"] if chosen.pop("mapped", "off") == "on" else []
        environment = {**os.environ, **chosen}  # GOMP_SPINCOUNT, OMP_WAIT_POLICY, ...
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.facts = self._heard()
        self.rows: list[dict[str, Any]] = []

    def _heard(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ({self.reference}) did not start or stopped")
        return json.loads(line)

    def ask(self, query: str) -> dict[str, Any]:
        """One query, its figures."""
        self._process.stdin.write(f"{json.dumps(query)}\n")
        self._process.stdin.flush()
        return self._heard()

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait(timeout=30)


def measured(variants: list[Variant], rounds: int) -> dict[str, Any]:
    """All figures but each variant's first answer, which reads the prompt's prefix too."""
    for variant in variants:
        variant.ask("show the date")
    for _ in range(rounds):
        for query in QUERIES:
            for variant in variants:
                variant.rows.append({"query": query, **variant.ask(query)})
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "xllamacpp": version("xllamacpp"),
        },
        "new_tokens": NEW_TOKENS,
        "variants": {
            one.name: {"reference": one.reference, **one.facts, "rows": one.rows}
            for one in variants
        },
    }


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    variants = results["variants"]
    first = next(iter(variants.values()))
    machine = results["machine"]
    lines = [
        f"Measured {results['at']} on {machine['cores']} cores, xllamacpp {machine['xllamacpp']}; "
        f"medians of {len(first['rows'])} answers of at most {results['new_tokens']} tokens, in "
        "turn; in brackets the median ratio to the first line.",
        "",
        "| variant | file MB | RSS MB | load s (CPU) | prompt tokens/s | decode tokens/s "
        "| answer ms | CPU ms/token |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, one in variants.items():
        cells = [name, f"{one['bytes'] / 1e6:,.0f}", f"{_median(one, 'rss_mb'):,.0f}"]
        cells.append(f"{one['load_s']:.2f} ({one['load_cpu_s']:.2f})")
        for key, digits in (
            ("prompt_tokens_s", 0),
            ("decode_tokens_s", 1),
            ("total_ms", 0),
            ("cpu_ms_token", 1),
        ):
            pairs = zip(one["rows"], first["rows"], strict=True)
            ratio = statistics.median(mine[key] / theirs[key] for mine, theirs in pairs)
            cells.append(f"{_median(one, key):,.{digits}f} ({ratio:.2f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _median(variant: dict[str, Any], key: str) -> float:
    return statistics.median(row[key] for row in variant["rows"])


def draw(results: dict[str, Any], path: Path) -> None:
    """File size against decode speed."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, one in results["variants"].items():
        place = (one["bytes"] / 1e6, _median(one, "decode_tokens_s"))
        axes.scatter(*place, color="#1f5a8a")
        axes.annotate(name, place, textcoords="offset points", xytext=(6, 4), fontsize=8)
    axes.set_xlabel("file, MB")
    axes.set_ylabel("decode, tokens/s (median)")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "variants",
        nargs="*",
        help="name=model[,threads=N][,repack=off][,mapped=on][,VARIABLE=value]",
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder for engine.json, engine.md, engine.png")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--mapped", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.plain:
        not_repacked()
    if given.mapped:
        mapped_from_the_file()
    if given.serve:
        serve(given.serve, given.threads)
        return
    if not given.variants:
        parser.error("name at least one variant")
    variants = [Variant(text) for text in given.variants]
    try:
        results = measured(variants, given.rounds)
    finally:
        for one in variants:
            one.close()
    text = table(results)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "engine.json").write_text(json.dumps(results, indent=1) + "\n")
        (given.out / "engine.md").write_text(text)
        draw(results, given.out / "engine.png")
    print(text)


if __name__ == "__main__":
    main()
