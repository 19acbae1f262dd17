"""`cli-tuner rules`: what the guard looks for, and whether its own examples hold."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple

from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import Exit, UsageError
from cli_tuner.guard import Rule, check, rules, ruleset_digest
from cli_tuner.guard.rule import Examples, examples_of
from cli_tuner.settings import load_settings

_LEVELS = ("dangerous", "review", "safe")


class Tried(NamedTuple):
    """One example of a rule: the level it must get, and what the guard says."""

    rule: str
    command: str
    expected: str
    level: str
    by_other_rules: bool

    @property
    def holds(self) -> bool:
        """The level is right, and one of the rule's own level is its own work."""
        return self.level == self.expected and not self.by_other_rules


def run(given: argparse.Namespace) -> int:
    """List the rules, show one, or run their examples; status 12 if an example does not hold."""
    screen = Screen(load_settings({"color": given.color}).color, sys.stdout)
    if given.action == "show":
        if given.rule is None:
            raise UsageError("rules show needs an id, as in: cli-tuner rules show CT-DEL-001")
        return _show(_named(given.rule), screen, as_json=given.json)
    chosen = rules() if given.rule is None else (_named(given.rule),)
    if given.action == "test":
        return _test(chosen, screen, as_json=given.json)
    return _list(chosen, screen, as_json=given.json)


def _named(wanted: str) -> Rule:
    """The rule with this id or name, in any case."""
    known = {key.lower(): rule for rule in rules() for key in (rule.name, rule.id)}
    if wanted.lower() in known:
        return known[wanted.lower()]
    near = get_close_matches(wanted.lower(), known, 1)
    hint = f"did you mean {known[near[0]].id}?" if near else "see: cli-tuner rules"
    raise UsageError(f'there is no rule "{wanted}"', hint=hint)


def _list(chosen: tuple[Rule, ...], screen: Screen, *, as_json: bool) -> int:
    if as_json:
        _write({"digest": ruleset_digest(), "rules": [_row(rule) for rule in chosen]})
        return Exit.OK
    for rule in chosen:
        level = screen.paint(rule.level.value, f"{rule.level.value:<9}")
        screen.line(f"{rule.id}  {level}  {visible(rule.name):<28} {visible(rule.message)}")
    return Exit.OK


def _show(rule: Rule, screen: Screen, *, as_json: bool) -> int:
    examples = examples_of(rule)
    if as_json:
        _write({**_row(rule), "examples": examples_row(examples)})
        return Exit.OK
    level = screen.paint(rule.level.value, rule.level.value)
    screen.line(f"{rule.id} {rule.name} · {level} · severity {rule.severity}")
    screen.line(f"  {visible(rule.message)}")
    for label, text in (("why", rule.why), ("instead", rule.instead or "")):
        if text:
            screen.line(f"  {label}: {visible(text)}")
    if rule.attack:
        screen.line(f"  ATT&CK: {', '.join(rule.attack)}")
    for kind, commands in examples_row(examples).items():
        for command in commands:
            screen.line(f"  {kind.replace('_', ' ')}: {visible(command)}")
    screen.line(f"  file: guard/rules/{visible(rule.source)}")
    return Exit.OK


def _test(chosen: tuple[Rule, ...], screen: Screen, *, as_json: bool) -> int:
    tried = [result for rule in chosen for result in tried_examples(rule)]
    wrong = [result for result in tried if not result.holds]
    if as_json:
        failures = [result._asdict() for result in wrong]
        _write({"digest": ruleset_digest(), "examples": len(tried), "failures": failures})
    else:
        for result in wrong:
            word = screen.paint("error", "wrong")
            screen.line(
                f"{word} {result.rule}: {visible(result.command)}"
                f" is {result.level}, not {result.expected}"
                if result.level != result.expected
                else f"{word} {result.rule}: {visible(result.command)} is decided by other rules"
            )
        screen.line(f"{len(chosen)} rules, {len(tried)} examples, {len(wrong)} wrong")
    return Exit.POLICY if wrong else Exit.OK


def tried_examples(rule: Rule) -> Iterator[Tried]:
    """Every example of a rule, judged by all rules. Known misses are not examples."""
    examples = examples_of(rule)
    for expected in _LEVELS:
        for command in getattr(examples, expected):
            verdict = check(command)
            matched = any(reason.rule_id == rule.id for reason in verdict.reasons)
            # A milder example shows where the rule ends; there others may speak.
            others = expected == rule.level.value and not matched
            yield Tried(rule.id, command, expected, verdict.level.value, others)


def examples_row(examples: Examples) -> dict[str, list[str]]:
    """The examples by the level that they must get."""
    return {kind: list(getattr(examples, kind)) for kind in (*_LEVELS, "known_misses")}


def _row(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "family": rule.family,
        "severity": rule.severity,
        "level": rule.level.value,
        "attack": list(rule.attack),
        "message": rule.message,
        "why": rule.why,
        "instead": rule.instead,
    }


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps({'schema_version': '1', **document})}\n")
