"""`cli-tuner explain`: what each part of a command does, what it would do, and the verdict."""

from __future__ import annotations

import argparse
import json
import sys
from functools import cache

from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.cli.check import command_from, show_verdict
from cli_tuner.cli.drawing import tree
from cli_tuner.explain import Explanation, explanation
from cli_tuner.explain.command import Help
from cli_tuner.explain.manual import described, first_sentence
from cli_tuner.grounding import Installed
from cli_tuner.guard import load_policy
from cli_tuner.records.verdict import Safety
from cli_tuner.settings import Paths, current_folder, load_settings

_WIDE = 30
"""Columns of a part's text; a longer one has its meaning on the next line."""


def run(given: argparse.Namespace) -> int:
    """Explain one command. The status is 0 whatever the verdict: nothing is judged here."""
    settings = load_settings({"color": given.color})
    paths = Paths.of()
    found = explanation(
        command_from(given.text),
        safety=Safety(settings.safety),
        policy=load_policy(paths, current_folder()),
        help_of=_said_here(Installed(paths.cache / "help")),
    )
    if given.json:
        sys.stdout.write(f"{json.dumps({'schema_version': '1', **found.as_json()})}\n")
        return 0
    _show(found, Screen(settings.color, sys.stdout))
    return 0


def _said_here(installed: Installed) -> Help:
    """What the programs of this machine say of themselves: in their pages, else in their help."""

    @cache
    def help_of(name: str) -> dict[str, str]:
        said = {
            option: first_sentence(text)
            for option, text in installed.meanings_in_help(name).items()
            if text
        }
        return {**said, **described(name)}

    return help_of


def _show(found: Explanation, screen: Screen) -> None:
    for line in lines_of(found):
        screen.line(line)
    screen.line("")
    for line in tree(found.command, found.verdict.effects):
        screen.line(line)
    show_verdict(found.command, found.verdict, screen)


def lines_of(found: Explanation) -> list[str]:
    """The parts, one a line, nested ones indented."""
    lines: list[str] = []
    for part in found.parts:
        text = visible(" ".join(found.command[part.start : part.end].split())) or "(line break)"
        left = "  " * part.depth + text
        if len(left) <= _WIDE:
            lines.append(f"{left:{_WIDE}}  {visible(part.meaning)}")
        else:
            shown = left if len(left) <= 90 else f"{left[:89]}…"
            lines += [shown, f"{'':{_WIDE}}  {visible(part.meaning)}"]
    return lines
