"""A machine with policy files: a system folder, a user's folder, and a project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cli_tuner.guard import Policy, load_policy
from cli_tuner.settings import Paths

RULE = """\
id: CT-USR-001
name: read-ledger
severity: high
level: review
attack: [T1005]
match: {effect: read, target: ["*.ledger"]}
message: "Reads the ledger {target}."
why: The ledger is confidential.
instead: "Ask: mail ledger"
examples:
  review: ["cat a.ledger"]
  safe: ["cat a.txt"]
"""


class Machine(NamedTuple):
    paths: Paths
    project: Path

    @property
    def folders(self) -> dict[str, Path]:
        return {
            "system": self.paths.system_config.parent,
            "user": self.paths.config,
            "project": self.project / ".cli-tuner",
        }

    def write(self, kind: str, text: str, **rules: str) -> Path:
        """A policy file, and rule files beside it by their stem."""
        folder = self.folders[kind]
        (folder / "rules").mkdir(parents=True, exist_ok=True)
        for stem, rule in rules.items():
            (folder / "rules" / f"{stem}.yaml").write_text(rule)
        path = folder / "policy.toml"
        path.write_text(text)
        return path

    def load(self, cwd: Path | None = None) -> Policy:
        return load_policy(self.paths, str(cwd or self.project))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    home = tmp_path / "home"
    project = home / "project"
    (project / ".git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return Machine(Paths.of({"CLI_TUNER_HOME": str(tmp_path / "tuner")}), project)


@pytest.fixture
def rule() -> Callable[..., str]:
    """A rule file like RULE, with parts of it replaced: `rule(("review", "dangerous"))`."""

    def make(*changes: tuple[str, str]) -> str:
        text = RULE
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        return text

    return make
