"""MinHash signatures of requests, cut into bands: like requests share a band.

datasketch makes the signatures. Two requests of Jaccard J share one of BANDS bands of ROWS values
with probability 1 - (1 - J^ROWS)^BANDS: 0.9999 at 0.9, 0.95 at 0.8, 0.06 at 0.5. What shares a band
is a candidate; the exact Jaccard decides (`near`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cli_tuner.data.keys import Words, digest64

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BANDS = 16
ROWS = 8
_MIX = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd: a multiplicative hash


def digests_of(words: Words) -> list[int]:
    """The words as 64-bit digests, sorted."""
    return sorted(map(digest64, words))


def bands_of(digests: Sequence[Sequence[int]]) -> NDArray[np.uint64]:
    """For each set of digests its BANDS band keys: (N, BANDS)."""
    import numpy as np
    from datasketch import MinHash

    permutations = BANDS * ROWS
    texts = [[digest.to_bytes(8, "little") for digest in one] for one in digests]
    made = MinHash.generator(texts, num_perm=permutations, seed=1, hashfunc=_low_half)
    signatures = np.empty((len(texts), permutations), dtype=np.uint64)
    for row, signature in enumerate(made):
        signatures[row] = signature.hashvalues
    return _mixed(signatures.reshape(len(texts), BANDS, ROWS))


def _low_half(digest: bytes) -> int:
    return int.from_bytes(digest[:4], "little")


def _mixed(values: Any) -> NDArray[np.uint64]:
    """One number for each band's ROWS values."""
    import numpy as np

    keys = np.zeros(values.shape[:2], dtype=np.uint64)
    for row in range(values.shape[2]):
        keys = (keys ^ values[:, :, row]) * np.uint64(_MIX)
        keys ^= keys >> np.uint64(29)
    return keys
