"""Intents from a text, as if they were a file of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli_tuner.data.generate.grammar import Choice, Sequence, Text
from cli_tuner.data.generate.intent import Intent, domain

Read = Callable[[str], tuple[Intent, ...]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def from_text(intents: str) -> tuple[Intent, ...]:
        indented = "\n".join("  " + line for line in intents.strip("\n").splitlines())
        path = tmp_path / "mine.yaml"
        path.write_text(f"domain: mine\nintents:\n{indented}\n", encoding="utf-8")
        return domain(path)

    return from_text


def all_of(nodes: Sequence) -> set[str]:
    found = {""}
    for node in nodes:
        if isinstance(node, Choice):
            parts = set.union(*(all_of(option) for option in node.options))
        else:
            parts = {node.text if isinstance(node, Text) else f"{{{node.name}}}"}
        found = {a + b for a in found for b in parts}
    return found


@pytest.fixture(scope="session")
def expansions() -> Callable[[Sequence], set[str]]:
    """All texts that a phrase can be."""
    return all_of
