"""Where the first answer's time goes: a new process a run, stage by stage.

    python benchmarks/cold_start.py fast+none fast-trimmed+none balanced+none \\
        balanced-trimmed+none --runs 5 --out out/cold

Each run starts Python, imports what the resident process imports, finds the model, imports the
engine, loads the weights, brings a slot behind the prompt's prefix (reads it, or takes it from the
file that an earlier process kept), reads a query and writes the answer. The variants are taken in
turn, so that a change of the machine's speed meets them all: the prefix read, the prefix kept, the
weights used as they lie in the file instead of repacked for this processor, and the weights mapped
from the file instead of read. The first round is dropped: it brings the files into
the page cache. Then `cli-tuner generate` as whole processes with nothing running, as a person waits
for it, without and with a kept prefix.

CPU seconds are those of all threads together; beside other programs they say more than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

QUERY = "find files bigger than 100MB here"
READ, KEPT, PLAIN, MAPPED = "prefix read", "prefix kept", "not repacked", "mapped, prefix kept"
STAGES = {
    "python": "start Python",
    "imports": "import cli-tuner",
    "resolve": "find the model",
    "engine": "import the engine",
    "load": "load the weights",
    "prefix": "the prefix",
    "query": "read the query",
    "decode": "write the answer",
    "rest": "everything else",
}


class Marks:
    """The clock and the CPU's, stage after stage."""

    def __init__(self, spawned: float) -> None:
        self._last = (spawned, 0.0)
        self.wall_s: dict[str, float] = {}
        self.cpu_s: dict[str, float] = {}

    def done(self, stage: str) -> None:
        """That stage is over."""
        now = (time.time(), time.process_time())
        self.wall_s[stage], self.cpu_s[stage] = now[0] - self._last[0], now[1] - self._last[1]
        self._last = now


def child(reference: str, variant: str, states: str, spawned: float) -> None:
    """One start; prints what each stage took."""
    marks = Marks(spawned)
    marks.done("python")
    from cli_tuner.backends import embedded
    from cli_tuner.backends.protocol import Sampling
    from cli_tuner.boundaries.assemble import identity_of
    from cli_tuner.models import resolve
    from cli_tuner.prompt import TEMPLATE_SHA256, to_prompt
    from cli_tuner.records import NormalizedRequest, new_request_id, sha256_of
    from cli_tuner.settings import Paths

    marks.done("imports")
    model = resolve(reference, Paths.of())
    identity = identity_of(model)
    prompt = to_prompt(QUERY)
    request = NormalizedRequest(
        request_id=new_request_id(),
        query=QUERY,
        prompt=prompt,
        prompt_sha256=sha256_of(prompt),
        template_sha256=TEMPLATE_SHA256,
    )
    marks.done("resolve")
    import xllamacpp

    if variant == PLAIN:
        made = xllamacpp.CommonParams
        xllamacpp.CommonParams = lambda: _plain(made())
    if variant == MAPPED:
        server = xllamacpp.Server
        xllamacpp.Server = lambda params: server(_mapped(params))
    marks.done("engine")
    restore = embedded.EmbeddedBackend._restore

    def restore_later(backend: Any, slot: int) -> None:
        marks.done("load")
        restore(backend, slot)

    embedded.EmbeddedBackend._restore = restore_later
    private = Path(tempfile.mkdtemp())
    backend = embedded.EmbeddedBackend(
        model.path,
        identity,
        private=private,
        adapter=model.adapter_path,
        states=Path(states) if variant in (KEPT, MAPPED) else None,
    )
    if variant not in (KEPT, MAPPED):
        marks.done("load")
        backend._server.handle_completions(embedded._anchoring(0), lambda _: False)
        backend._anchors.restored(0)
    marks.done("prefix")
    output = backend.complete(request, Sampling())
    marks.done("answer")
    answered = marks.wall_s.pop("answer")
    marks.wall_s |= {"query": output.prompt_ms / 1000, "decode": output.decode_ms / 1000}
    marks.wall_s["rest"] = answered - marks.wall_s["query"] - marks.wall_s["decode"]
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    result = {
        "wall_s": marks.wall_s,
        "cpu_s": marks.cpu_s,
        "total_s": time.time() - spawned,
        "rss_mb": pages * os.sysconf("SC_PAGESIZE") / 1e6,
        "tokens": output.completion_tokens,
        "answer": output.text,
        "mean_logprob": output.mean_logprob,
    }
    print(json.dumps(result), flush=True)
    backend.close()
    shutil.rmtree(private, ignore_errors=True)
    os._exit(0)


def _plain(params: Any) -> Any:
    params.no_extra_bufts = True
    return params


def _mapped(params: Any) -> Any:
    import xllamacpp

    params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_AUTO
    return params


def started(reference: str, variant: str, states: Path) -> dict[str, Any]:
    """One run of `child`."""
    command = [sys.executable, "-P", __file__, "--child", reference, variant, str(states)]
    ran = subprocess.run([*command, repr(time.time())], capture_output=True, text=True, check=False)
    if ran.returncode or not ran.stdout:
        raise SystemExit(f"{reference}, {variant}: {ran.stderr[-400:]}")
    return json.loads(ran.stdout.splitlines()[-1])


def whole(reference: str, home: Path, *, kept: bool) -> float:
    """Seconds of a `cli-tuner generate` with nothing running."""
    program = Path(sys.executable).with_name("cli-tuner")
    env = {**os.environ, "CLI_TUNER_HOME": str(home)}
    subprocess.run([program, "stop"], env=env, capture_output=True, check=True)
    if not kept:
        shutil.rmtree(home / "cache" / "prefix", ignore_errors=True)
    began = time.perf_counter()
    subprocess.run(
        [program, "generate", "--json", "--model", reference, QUERY],
        env=env,
        capture_output=True,
        check=False,
    )
    return time.perf_counter() - began


def measured(references: list[str], variants: list[str], runs: int) -> dict[str, Any]:
    """All runs, in turn."""
    rows: dict[str, list[dict[str, Any]]] = {}
    calls: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home, states = Path(folder) / "home", Path(folder) / "states"
        (home / "data").mkdir(parents=True)
        states.mkdir(mode=0o700)
        from cli_tuner.settings import Paths

        (home / "data" / "models").symlink_to(Paths.of().models)
        for turn in range(runs + 1):
            for reference in references:
                for variant in variants:
                    row = started(reference, variant, states)
                    if turn:
                        rows.setdefault(f"{reference}, {variant}", []).append(row)
        for _ in range(runs):
            for reference in references:
                found = calls.setdefault(reference, {READ: [], KEPT: []})
                for name in (READ, KEPT):
                    found[name].append(whole(reference, home, kept=name == KEPT))
        program = Path(sys.executable).with_name("cli-tuner")
        env = {**os.environ, "CLI_TUNER_HOME": str(home)}
        subprocess.run([program, "stop"], env=env, capture_output=True, check=False)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "xllamacpp": version("xllamacpp")},
        "runs": runs,
        "starts": rows,
        "calls_s": calls,
    }


def table(results: dict[str, Any]) -> str:
    """Markdown: milliseconds, medians."""
    machine = results["machine"]
    names = list(results["starts"])
    lines = [
        f"Measured {results['at']} on {machine['cores']} cores, xllamacpp {machine['xllamacpp']}; "
        f"milliseconds, medians of {results['runs']} new processes, files in the page cache.",
        "",
        f"| | {' | '.join(names)} |",
        "|---|" + "---|" * len(names),
    ]
    for stage, title in STAGES.items():
        cells = [f"{_median(results, name, 'wall_s', stage) * 1000:,.0f}" for name in names]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    for key, title, scale in (
        ("total_s", "**until the answer**", 1000),
        ("rss_mb", "RSS, MB", 1),
    ):
        cells = [f"{_median(results, name, key) * scale:,.0f}" for name in names]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    cells = [
        f"{1000 * statistics.median(sum(row['cpu_s'].values()) for row in rows):,.0f}"
        for rows in results["starts"].values()
    ]
    lines += [f"| CPU, all threads | {' | '.join(cells)} |", ""]
    lines += [f"| whole `cli-tuner generate` | {READ} | {KEPT} |", "|---|---|---|"]
    for reference, calls in results["calls_s"].items():
        cells = [f"{1000 * statistics.median(calls[name]):,.0f}" for name in (READ, KEPT)]
        lines.append(f"| {reference} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _median(results: dict[str, Any], name: str, key: str, stage: str | None = None) -> float:
    rows = results["starts"][name]
    return statistics.median(row[key] if stage is None else row[key][stage] for row in rows)


def draw(results: dict[str, Any], path: Path) -> None:
    """One bar a variant, its stages one after the other."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names = list(results["starts"])
    figure, axes = plt.subplots(figsize=(9, 0.5 * len(names) + 1.8), layout="constrained")
    left = [0.0] * len(names)
    for number, (stage, title) in enumerate(STAGES.items()):
        widths = [_median(results, name, "wall_s", stage) for name in names]
        axes.barh(names, widths, left=left, label=title, color=plt.get_cmap("tab10")(number))
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("seconds from the start of the process to the answer (medians)")
    axes.legend(ncols=3, fontsize=8)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure, print the table, write it."""
    if sys.argv[1:2] == ["--child"]:
        reference, variant, states, spawned = sys.argv[2:]
        child(reference, variant, states, float(spawned))
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--variants", nargs="+", default=[READ, KEPT, PLAIN, MAPPED])
    parser.add_argument("--out", type=Path, help="folder for cold_start.json, .md and .png")
    given = parser.parse_args()
    results = measured(given.models, given.variants, given.runs)
    text = table(results)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "cold_start.json").write_text(json.dumps(results, indent=1) + "\n")
        (given.out / "cold_start.md").write_text(text)
        draw(results, given.out / "cold_start.png")
    print(text)


if __name__ == "__main__":
    main()
