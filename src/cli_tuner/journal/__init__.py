"""The journal: append-only, hash-chained records of what was asked, answered and refused.

Covers: concurrent writers, a full disk, a process killed at any moment, edits made by hand.
Does not cover: a power cut within seconds of a record, or a person who may write the files and
recomputes every hash in them.
"""

from cli_tuner.journal.journal import Journal
from cli_tuner.journal.verify import Break, BreakKind, ChainReport

__all__ = ["Break", "BreakKind", "ChainReport", "Journal"]
