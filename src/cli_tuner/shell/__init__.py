"""Understands Bash and has no opinion: text to nodes, words, wrappers, effects.

Nothing in here runs anything, and nothing raises for any text.
"""

from __future__ import annotations

from cli_tuner.shell.effects import effects_of
from cli_tuner.shell.facts import facts_of
from cli_tuner.shell.nodes import Opaque
from cli_tuner.shell.parse import parse
from cli_tuner.shell.programs import HANDLERS
from cli_tuner.shell.values import without_marks

__all__ = ["effects_of", "is_known_utility", "syntax_error_in"]


def syntax_error_in(command: str) -> str | None:
    """What the parser could not read, or None for a text that it read to the end."""
    items = parse(without_marks(command)).items
    return next((item.reason for item in items if isinstance(item, Opaque)), None)


def is_known_utility(word: str) -> bool:
    """Whether a program of this name is one whose effects are known."""
    return word in HANDLERS or facts_of(word) is not None
