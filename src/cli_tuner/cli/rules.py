"""`cli-tuner rules`: what the guard looks for here, and whether its own examples hold.

Here: with the policy files in force, whose rules and allows are listed too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple

from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import Exit, UsageError
from cli_tuner.guard import Policy, Rule, check, load_policy
from cli_tuner.guard.rule import Examples, examples_of, parse_rule
from cli_tuner.settings import Paths, current_folder, load_settings

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
    policy = load_policy(Paths.of(), current_folder())
    if given.action == "show":
        if given.rule is None:
            raise UsageError("rules show needs an id, as in: cli-tuner rules show CT-DEL-001")
        return _show(_named(given.rule, policy), policy, screen, as_json=given.json)
    chosen = policy.rules if given.rule is None else (_named(given.rule, policy),)
    if given.action == "test":
        return _test(chosen, policy, screen, as_json=given.json)
    return _list(chosen, policy, screen, as_json=given.json)


def _named(wanted: str, policy: Policy) -> Rule:
    """The rule with this id or name, in any case."""
    known = {key.lower(): rule for rule in policy.rules for key in (rule.name, rule.id)}
    if wanted.lower() in known:
        return known[wanted.lower()]
    near = get_close_matches(wanted.lower(), known, 1)
    hint = f"did you mean {known[near[0]].id}?" if near else "see: cli-tuner rules"
    raise UsageError(f'there is no rule "{wanted}"', hint=hint)


def _list(chosen: tuple[Rule, ...], policy: Policy, screen: Screen, *, as_json: bool) -> int:
    if as_json:
        _write(
            {
                "digest": policy.ruleset_digest(),
                "rules": [_row(rule, policy) for rule in chosen],
                "policy": _policy_row(policy),
            }
        )
        return Exit.OK
    for rule in chosen:
        found = policy.level_of(rule).value
        level = screen.paint(found, f"{found:<9}")
        added = f"  ({rule.family} policy)" if rule in policy.added else ""
        screen.line(f"{rule.id}  {level}  {visible(rule.name):<28} {visible(rule.message)}{added}")
    ids = {rule.id for rule in chosen}
    for allow in policy.allows:
        if allow.rule in ids:
            word = "allowed" if policy.holds(allow) else "allow overruled"
            where = visible(f"{allow.rule}  {word} for {allow.path} ({allow.file.kind} policy)")
            screen.line(f"{where}: {visible(allow.why)}")
    for tighten in policy.tightens:
        if tighten.rule in ids:
            screen.line(f"{tighten.rule}  raised to dangerous ({tighten.file.kind} policy)")
    return Exit.OK


def _show(rule: Rule, policy: Policy, screen: Screen, *, as_json: bool) -> int:
    examples = _examples(rule, policy)
    if as_json:
        _write({**_row(rule, policy), "examples": examples_row(examples)})
        return Exit.OK
    found = policy.level_of(rule).value
    level = screen.paint(found, found)
    screen.line(f"{rule.id} {visible(rule.name)} · {level} · severity {rule.severity}")
    screen.line(f"  {visible(rule.message)}")
    for label, text in (("why", rule.why), ("instead", rule.instead or "")):
        if text:
            screen.line(f"  {label}: {visible(text)}")
    if rule.attack:
        screen.line(f"  ATT&CK: {', '.join(rule.attack)}")
    for kind, commands in examples_row(examples).items():
        for command in commands:
            screen.line(f"  {kind.replace('_', ' ')}: {visible(command)}")
    where = rule.source if rule in policy.added else f"guard/rules/{rule.source}"
    screen.line(f"  file: {visible(where)}")
    return Exit.OK


def _examples(rule: Rule, policy: Policy) -> Examples:
    text = dict(policy.texts).get(rule.source)
    return examples_of(rule) if text is None else parse_rule(text, rule.source)[1]


def _test(chosen: tuple[Rule, ...], policy: Policy, screen: Screen, *, as_json: bool) -> int:
    tried = [result for rule in chosen for result in tried_examples(rule, policy)]
    wrong = [result for result in tried if not result.holds]
    if as_json:
        failures = [result._asdict() for result in wrong]
        _write({"digest": policy.ruleset_digest(), "examples": len(tried), "failures": failures})
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


def tried_examples(rule: Rule, policy: Policy) -> Iterator[Tried]:
    """Every example of a rule, judged by all rules. Known misses are not examples.

    Nothing is allowed or raised meanwhile: an example says what its rule does by itself.
    """
    examples = _examples(rule, policy)
    bare = Policy(added=policy.added, texts=policy.texts)
    for expected in _LEVELS:
        for command in getattr(examples, expected):
            verdict = check(command, policy=bare)
            matched = any(reason.rule_id == rule.id for reason in verdict.reasons)
            # A milder example shows where the rule ends; there others may speak.
            others = expected == rule.level.value and not matched
            yield Tried(rule.id, command, expected, verdict.level.value, others)


def examples_row(examples: Examples) -> dict[str, list[str]]:
    """The examples by the level that they must get."""
    return {kind: list(getattr(examples, kind)) for kind in (*_LEVELS, "known_misses")}


def _policy_row(policy: Policy) -> dict[str, Any]:
    return {
        "files": [{"kind": file.kind, "path": file.path} for file in policy.files],
        "safety": policy.safety.value,
        "allows": [
            {
                "rule": allow.rule,
                "path": allow.path,
                "why": allow.why,
                "policy": allow.file.kind,
                "holds": policy.holds(allow),
            }
            for allow in policy.allows
        ],
        "never_allow": list(policy.never_allow),
        "tightened": [tighten.rule for tighten in policy.tightens],
    }


def _row(rule: Rule, policy: Policy) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "family": rule.family,
        "severity": rule.severity,
        "level": policy.level_of(rule).value,
        "attack": list(rule.attack),
        "message": rule.message,
        "why": rule.why,
        "instead": rule.instead,
    }


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps({'schema_version': '1', **document})}\n")
