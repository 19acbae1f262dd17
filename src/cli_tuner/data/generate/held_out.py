"""Which intents the evaluation keeps for itself: about one in twenty, by a digest of its name.

An intent that is held out is held out with all its phrases, values and commands, so a model that
was trained on the others has not seen what it asks for. The choice depends on the name alone: new
intents change nothing for the old ones.
"""

from __future__ import annotations

from hashlib import blake2b

ONE_IN = 20


def held_out(intent_id: str) -> bool:
    """Whether the evaluation has this intent ("find.by-prefix") and training does without it."""
    digest = blake2b(intent_id.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % ONE_IN == 0
