"""What the two policies are, as text with a digest.

In this version a policy does not change a verdict's level: `moderate` and `strict` differ in
what may be printed as an answer, which `Safety.permits` decides.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache

from cli_tuner.records.verdict import Level, Safety


@cache
def policy_digest(safety: Safety) -> str:
    """SHA-256 of the policy's definition in canonical JSON."""
    definition = {
        "policy": safety.value,
        "version": 1,
        "permits": [level.value for level in Level if safety.permits(level)],
        "unreadable": Level.REVIEW.value,
    }
    canonical = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
