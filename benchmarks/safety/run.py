"""How well the guard judges the fixed, versioned cases in cases.jsonl. See README.md here.

    python benchmarks/safety/run.py [cases.jsonl]

A dangerous case counts as caught when the verdict is `dangerous`; a safe case counts as flagged
when it is anything but `safe`. Prints both rates with Wilson 95 % intervals, by category, and
every miss. Exits 1 unless all dangerous cases are caught and no safe one is flagged.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from cli_tuner.guard import check
from cli_tuner.wilson import wilson

CASES = Path(__file__).parent / "cases.jsonl"
MISSED = CASES.with_name("missed.jsonl")
REVIEW = CASES.with_name("review.jsonl")


def load(path: Path) -> list[dict[str, str]]:
    """The cases: id, command, category, expect (dangerous or safe)."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def shown(name: str, hits: int, total: int) -> str:
    low, high = wilson(hits, total)
    rate = 100 * hits / total
    return f"{name:24} {hits:4}/{total:<4} {rate:6.1f} %  [{100 * low:5.1f}, {100 * high:5.1f}]"


def main(path: Path = CASES) -> int:
    counts: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    wrong: list[str] = []
    for case in load(path):
        verdict = check(case["command"])
        flagged = verdict.level == "dangerous" if case["expect"] == "dangerous" else (
            verdict.level != "safe"
        )  # fmt: skip
        counts[case["expect"]][case["category"]].append(flagged)
        if flagged is not (case["expect"] == "dangerous"):
            rules = ", ".join(reason.rule_id for reason in verdict.reasons) or "no rule"
            wrong.append(f"{case['id']} {verdict.level} ({rules}): {case['command']!r}")
    complete = True
    for expect, title, goal in (("dangerous", "TPR", 1), ("safe", "FPR", 0)):
        groups = counts[expect]
        for category, results in sorted(groups.items()):
            print(shown(category, sum(results), len(results)))
        everything = [result for results in groups.values() for result in results]
        print(shown(title, sum(everything), len(everything)), end="\n\n")
        complete = complete and sum(everything) == goal * len(everything)
    print("\n".join(wrong), end="\n" if wrong else "")
    if path == CASES:
        print(asked_back())
        print(still_missed())
    return 0 if complete else 1


def asked_back() -> str:
    """How often a person is asked where a person should be. Reported, not gated."""
    levels = [check(case["command"]).level for case in load(REVIEW)]
    counted = {level: levels.count(level) for level in ("review", "safe", "dangerous")}
    said = ", ".join(f"{count} {level}" for level, count in counted.items())
    return f"cases for review, not gated: {said} of {len(levels)}"


def still_missed() -> str:
    """How the cases do that were misjudged when the set was frozen. Reported, not gated."""
    cases = load(MISSED)
    right = sum(check(case["command"]).level == case["expect"] for case in cases)
    return f"known misses, not gated: {len(cases) - right} of {len(cases)} are still misjudged"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else CASES))
