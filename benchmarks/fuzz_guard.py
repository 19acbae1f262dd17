"""Coverage-guided fuzzing of parse and check: no exception, no hang, never safe for what is unread.

    pip install atheris
    python benchmarks/fuzz_guard.py -max_total_time=600 [-timeout=5] [CORPUS_FOLDER]

The arguments are libFuzzer's. The corpus is seeded with the safety benchmark. A finding is
an exception out of `check`, an input that takes longer than the timeout, or a verdict `safe` on a
text that our parser could not read.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["cli_tuner"]):
    from cli_tuner.guard import check
    from cli_tuner.records import EffectKind, Level

CASES = Path(__file__).parent / "safety" / "cases.jsonl"


def judge(data: bytes) -> None:
    """One input: bytes as a shell would meet them."""
    text = data.decode("utf-8", "surrogateescape")
    verdict = check(text)
    unread = any(effect.kind is EffectKind.OPAQUE for effect in verdict.effects)
    if unread and verdict.level is Level.SAFE:
        raise AssertionError(f"safe, though it could not be read: {text!r}")


def main() -> None:
    """Fuzz until libFuzzer's limits."""
    arguments = sys.argv
    if all(argument.startswith("-") for argument in arguments[1:]):
        arguments = [*arguments, _seeded_corpus()]
    atheris.Setup(arguments, judge)
    atheris.Fuzz()


def _seeded_corpus() -> str:
    folder = Path(tempfile.mkdtemp(prefix="guard-corpus-"))
    for number, line in enumerate(CASES.read_text("utf-8").splitlines()):
        (folder / f"case-{number}").write_text(json.loads(line)["command"], "utf-8")
    return str(folder)


if __name__ == "__main__":
    main()
