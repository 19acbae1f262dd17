"""What quantizing costs in quality, and what it saves: a table and a plot for each size.

    python benchmarks/quantization.py balanced=out/engine-balanced fast=out/engine-fast \\
        --evaluations evaluation --out evaluation --into docs/QUANTIZATION.md

`size=FOLDER` is where benchmarks/engine.py wrote engine.json; its variants are named as the
evaluations are, `SIZE-VARIANT` (configs/evaluate/quantized.yaml). The variant `f16` is what the
others are held against: the merged weights before anything was rounded. A variant without an
evaluation has no quality in the table.

Loss is the share of f16's good answers that is gone: answers of the template (dev) and tasks that
pass (execution-dev) together; the gate is below 5 %. Beside it stand the answers that changed
either way and McNemar's exact p, for the sets are small.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cli_tuner.artifacts.markdown import table
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.rate import Rate
from cli_tuner.evaluate.tables.__main__ import put_into
from cli_tuner.mcnemar import mcnemar_p

BEGIN, END = "<!-- quantization: begin -->", "<!-- quantization: end -->"
WHOLE = "f16"
GATE = 0.05
COUNTED = (("dev", "domain", "template"), ("execution-dev", "execution", "passed"))
EXACT = ("dev", "domain", "exact_canonical")
ENDED = ("execution-dev", "domain", "command_only")
Outcomes = dict[tuple[str, str, str, str], bool]


@dataclass(frozen=True)
class Variant:
    """One way to hold the model: engine.py's figures, and the outcomes if it was evaluated."""

    name: str
    speed: dict[str, Any]
    outcomes: Outcomes

    def median(self, key: str) -> float:
        """Of engine.py's rows."""
        return statistics.median(row[key] for row in self.speed["rows"])

    def rate(self, which: tuple[str, str, str]) -> Rate:
        """A measure of a set."""
        return Rate.of(good for key, good in self.outcomes.items() if key[:3] == which)

    def changed(self, other: Variant) -> tuple[int, int, int]:
        """(good here, fixed, broken) of what is counted and decided in both."""
        both = [key for key in other.outcomes if key[:3] in COUNTED and key in self.outcomes]
        fixed = sum(self.outcomes[key] and not other.outcomes[key] for key in both)
        broken = sum(other.outcomes[key] and not self.outcomes[key] for key in both)
        return sum(other.outcomes[key] for key in both), fixed, broken


def read_outcomes(folder: Path) -> Outcomes:
    """Whether each item is good by each measure; {} if there is no such evaluation."""
    path, found = folder / "outcomes.jsonl", Outcomes()
    if not path.exists():
        return found
    for line in path.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        for measure, good in one["measures"].items():
            if isinstance(good, bool):
                found[one["set"], one["suite"], measure, one["id"]] = good
    return found


def read_variants(size: str, engine: Path, evaluations: Path) -> list[Variant]:
    """Everything known of a size, in engine.json's order."""
    measured = json.loads((engine / "engine.json").read_text(encoding="utf-8"))
    return on_the_same_items(
        [
            Variant(name, speed, read_outcomes(evaluations / f"{size}-{name}"))
            for name, speed in measured["variants"].items()
        ]
    )


def on_the_same_items(variants: list[Variant]) -> list[Variant]:
    """Without the items that one of the evaluations does not have: some asked for more rows."""
    asked = [{(key[0], key[3]) for key in one.outcomes} for one in variants if one.outcomes]
    common = set.intersection(*asked) if asked else set()
    return [
        replace(
            one,
            outcomes={k: good for k, good in one.outcomes.items() if (k[0], k[3]) in common},
        )
        for one in variants
    ]


def percent(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.value:.1%} [{low * 100:.1f}, {high * 100:.1f}]"


def loss(one: Variant, whole: Variant | None) -> str:
    """`3.1 % (4 fixed, 6 broken, p 0.75): pass`."""
    if whole is None or one is whole or not one.outcomes:
        return ""
    good, fixed, broken = one.changed(whole)
    lost = (broken - fixed) / good
    verdict = "pass" if lost < GATE else "FAIL"
    p = mcnemar_p(fixed, broken)
    return f"{lost:.1%} ({fixed} fixed, {broken} broken, p {p:.2g}): {verdict}"


def rows_of(variants: list[Variant]) -> list[list[str]]:
    """A line of the table for each variant."""
    whole = next((one for one in variants if one.name == WHOLE and one.outcomes), None)
    first = variants[0]
    lines = []
    for one in variants:
        answers = zip(one.speed["rows"], first.speed["rows"], strict=True)
        ratio = statistics.median(his["total_ms"] / mine["total_ms"] for mine, his in answers)
        quality = ["", "", "", ""]
        if one.outcomes:
            quality = [percent(one.rate(which)) for which in (EXACT, *COUNTED)]
            quality.append(f"{one.rate(ENDED).value:.1%}")
        lines.append(
            [
                one.name,
                f"{one.speed['bytes'] / 1e6:,.0f}",
                f"{one.median('rss_mb'):,.0f}",
                f"{one.speed['load_s']:.1f}",
                f"{one.median('prompt_tokens_s'):.0f}",
                f"{1000 / one.median('decode_tokens_s'):.0f} ({one.median('decode_tokens_s'):.1f})",
                f"{one.median('total_ms'):,.0f} ({ratio:.2f}x)",
                *quality,
                loss(one, whole),
            ]
        )
    return lines


HEAD = [
    "variant",
    "file MB",
    "RSS MB",
    "load s",
    "prompt tokens/s",
    "ms a token (tokens/s)",
    "answer ms (faster)",
    "dev, exact",
    "dev, template",
    "execution-dev",
    "command only",
    "loss against f16",
]


def draw(sizes: dict[str, list[Variant]], path: Path) -> None:
    """Memory against quality, a colour for each size."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5.6), layout="constrained")
    for colour, (size, variants) in zip(
        ("#1f5a8a", "#b3541e", "#3c7a3c"), sizes.items(), strict=False
    ):
        evaluated = [one for one in variants if one.outcomes]
        evaluated.sort(key=lambda one: one.rate(COUNTED[1]).value)
        free = 0.0  # names stand in a column of their own, from the worst up, none over another
        for one in evaluated:
            rate, memory = one.rate(COUNTED[1]), one.median("rss_mb")
            value = rate.value * 100
            low, high = rate.interval
            spread = [[value - low * 100], [high * 100 - value]]
            axes.errorbar(
                memory, value, yerr=spread, fmt="o", color=colour, alpha=0.3, elinewidth=1
            )
            axes.scatter(memory, value, color=colour)
            height = max(value, free)
            free = height + 1.9
            axes.annotate(
                f"{size} {one.name}",
                (memory, value),
                xytext=(memory * 1.06, height),
                va="center",
                fontsize=7,
                arrowprops={"arrowstyle": "-", "color": colour, "alpha": 0.4, "linewidth": 0.6},
            )
    axes.set_xscale("log")
    axes.set_xticks([500, 700, 1000, 1500, 2000, 3000, 4000])
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.minorticks_off()
    axes.set_xlabel("resident memory after loading and answering, MB")
    axes.set_ylabel("execution-dev, % that pass (95 % interval)")
    axes.margins(x=0.2)  # for the names
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)


def main(arguments: list[str]) -> int:
    """Tables and plot; 1 if something is not there."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sizes", nargs="+", metavar="SIZE=FOLDER", help="engine.py's --out")
    parser.add_argument("--evaluations", type=Path, default=Path("evaluation"))
    parser.add_argument("--out", type=Path, default=Path("evaluation"))
    parser.add_argument("--plot", type=Path, help="another place for the plot")
    parser.add_argument("--into", type=Path, help="replace what is between the markers there")
    given = parser.parse_args(arguments)
    sizes = {}
    for text in given.sizes:
        size, _, folder = text.partition("=")
        sizes[size] = read_variants(size, Path(folder), given.evaluations)
    parts = []
    for size, variants in sizes.items():
        parts += [f"### `{size}`", "\n".join(table(HEAD, rows_of(variants))).strip()]
    text = "\n\n".join(parts)
    given.out.mkdir(parents=True, exist_ok=True)
    draw(sizes, given.plot or given.out / "quantization.png")
    page = f"# Quality versus memory\n\n{text}\n\n![memory and quality](quantization.png)\n"
    (given.out / "quantization.md").write_text(page, encoding="utf-8")
    if given.into:
        try:
            put_into(given.into, f"{text}\n", (BEGIN, END))
        except EvaluationError as error:
            print(error, file=sys.stderr)
            return 1
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
