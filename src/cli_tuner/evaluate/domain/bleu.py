"""Command BLEU (Papineni et al. 2002) by sacrebleu, on the shell's own tokens, 0 to 100."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cli_tuner.artifacts import require
from cli_tuner.evaluate.rate import Mean
from cli_tuner.shell.tokens import tokens_of

_DRAWS = 1000


def command_bleu(pairs: Sequence[tuple[str, Sequence[str]]]) -> Mean:
    """Corpus BLEU of (command, references) pairs; a missing command is an empty text.

    The interval is the percentile bootstrap over items.
    """
    sacrebleu = require("sacrebleu.metrics", "evaluate")
    numpy = require("numpy", "evaluate")
    # It warns of short sentences, whose counts alone are used here.
    logging.getLogger("sacrebleu").setLevel(logging.ERROR)
    bleu = sacrebleu.BLEU(tokenize="none", force=True)
    rows = []
    for command, references in pairs:
        one = bleu.sentence_score(_spaced(command), [_spaced(text) for text in references])
        rows.append([one.sys_len, one.ref_len, *one.counts, *one.totals])
    counts = numpy.array(rows)

    def score(total: Sequence[int]) -> float:
        whole = [int(number) for number in total]
        return float(
            sacrebleu.BLEU.compute_bleu(
                whole[2:6], whole[6:10], whole[0], whole[1], smooth_method="exp"
            ).score
        )

    chance = numpy.random.default_rng(0)
    drawn = (chance.integers(0, len(rows), len(rows)) for _ in range(_DRAWS))
    found = numpy.array([score(counts[places].sum(axis=0)) for places in drawn])
    low, high = numpy.quantile(found, [0.025, 0.975])
    return Mean(score(counts.sum(axis=0)), float(low), float(high), len(rows))


def _spaced(command: str) -> str:
    """The tokens between spaces; a token's own white space is shown as another character."""
    return " ".join("\u2423".join(token.split()) or "\u2423" for token in tokens_of(command))
