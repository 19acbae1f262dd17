"""A confirmed report as an example of a rule: a patch to the rule's file, to be reviewed.

A false positive becomes an example of a milder level. A false negative becomes an example of the
rule's own level if the guard flags it by now, and a known miss until then. Examples are tests, so a
patch whose example does not hold yet makes `rules test` fail until the rule is mended: that is its
purpose, and it is said.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass

from cli_tuner.errors import UsageError
from cli_tuner.guard import Policy, Rule, check
from cli_tuner.guard.rule import FOLDER, parse_rule
from cli_tuner.records import Level

_BELOW = "src/cli_tuner/guard/rules"
_MISSES = "known_misses"


@dataclass(frozen=True)
class RulePatch:
    """A unified diff for `patch -p1`, and whether its example holds today."""

    rule: Rule
    kind: str
    text: str
    holds: bool


def rule_named(wanted: str, policy: Policy) -> Rule:
    """The rule with this id or name. Raises UsageError if there is none."""
    for rule in policy.rules:
        if wanted.lower() in (rule.id.lower(), rule.name.lower()):
            return rule
    raise UsageError(f'there is no rule "{wanted}"', hint="see: cli-tuner rules")


def false_positive(rule: Rule, command: str, policy: Policy, level: Level) -> RulePatch:
    """An example that this command is no worse than `level`.

    Raises UsageError if that is not milder than the rule, or if it is an example already.
    """
    if level.severity >= rule.level.severity:
        raise UsageError(f"{rule.id} says {rule.level}; a false positive is something milder")
    holds = check(command, policy=policy).level is level
    return _patch(rule, level.value, command, policy, holds=holds)


def false_negative(rule: Rule, command: str, policy: Policy) -> RulePatch:
    """An example that this rule should fire. Raises UsageError if it is one already."""
    fired = any(reason.rule_id == rule.id for reason in check(command, policy=policy).reasons)
    kind = rule.level.value if fired else _MISSES
    return _patch(rule, kind, command, policy, holds=True)


def _patch(rule: Rule, kind: str, command: str, policy: Policy, *, holds: bool) -> RulePatch:
    added = dict(policy.texts).get(rule.source)
    before = (FOLDER / rule.source).read_text("utf-8") if added is None else added
    if command in getattr(parse_rule(before, rule.source)[1], kind):
        raise UsageError(f"it is an example of {rule.id} already")
    after = with_example(before, kind, command)
    if command not in getattr(parse_rule(after, rule.source)[1], kind):
        raise UsageError(f"the examples of {rule.source} cannot be extended; edit them by hand")
    path = f"{_BELOW}/{rule.source}" if added is None else rule.source.lstrip("/")
    diff = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{path}",
        f"b/{path}",
    )
    return RulePatch(rule, kind, "".join(diff), holds)


def with_example(text: str, kind: str, command: str) -> str:
    """A rule file with one more example of this kind, otherwise as it was written."""
    item = f"    - {json.dumps(command, ensure_ascii=False)}\n"
    head, mark, examples = text.partition("\nexamples:\n")
    examples = examples if examples.endswith("\n") else examples + "\n"
    key = re.search(rf"^  {kind}:[ ]*(\[\])?[ ]*\n", examples, re.M)
    if key is None:
        return f"{head}{mark}  {kind}:\n{item}{examples}"
    return f"{head}{mark}{examples[: key.start()]}  {kind}:\n{item}{examples[key.end() :]}"
