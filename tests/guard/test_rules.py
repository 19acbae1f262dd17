"""Every rule file loads, and every example in it gets the level it is written under."""

from __future__ import annotations

import pytest

from cli_tuner.errors import RuleError
from cli_tuner.guard import check, rules, ruleset_digest
from cli_tuner.guard.rule import examples_of, parse_rule

RULES = rules()
EXAMPLES = [
    pytest.param(rule, level, command, id=f"{rule.id}-{level}-{index}")
    for rule in RULES
    for level in ("dangerous", "review", "safe")
    for index, command in enumerate(getattr(examples_of(rule), level))
]
MISSES = [
    pytest.param(rule, command, id=f"{rule.id}-{index}")
    for rule in RULES
    for index, command in enumerate(examples_of(rule).known_misses)
]
GOOD = """
id: CT-DEL-999
name: example
severity: high
level: dangerous
attack: [T1485]
match: {effect: delete, recursive: true, place: [root]}
message: "Deletes {target}."
examples: {dangerous: ["rm -rf /"]}
"""


@pytest.mark.parametrize(("rule", "level", "command"), EXAMPLES)
def test_an_example_gets_the_level_it_is_written_under(rule, level, command):
    verdict = check(command)
    assert verdict.level == level
    if level == rule.level:
        assert rule.id in {reason.rule_id for reason in verdict.reasons}
    assert not any("defect" in effect.attributes for effect in verdict.effects)


@pytest.mark.parametrize(("rule", "command"), MISSES)
@pytest.mark.xfail(strict=True, reason="a known miss")
def test_a_known_miss_is_still_missed(rule, command):
    assert rule.id in {reason.rule_id for reason in check(command).reasons}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_examples_on_both_sides(rule):
    examples = examples_of(rule)
    assert getattr(examples, rule.level)
    assert examples.safe
    assert rule.message
    assert rule.source == f"{rule.family}/{rule.name}.yaml"


def test_names_and_ids_are_unique():
    assert len({rule.id for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("severity:", "severty:", 'did you mean "severity"'),
        ("recursive:", "recursve:", 'did you mean "recursive"'),
        ("place:", "pace:", 'did you mean "place"'),
        ("examples: {dangerous", "examples: {dangerus", 'did you mean "dangerous"'),
        ("effect: delete", "effect: delte", "delte"),
        ("place: [root]", "place: [rot]", 'unknown place "rot"'),
        ("CT-DEL-999", "DEL-1", "is not like"),
        ("T1485", "X1", "ATT&CK"),
        ("level: dangerous", "level: bad", "level is"),
        ("severity: high", "severity: huge", "severity is one of"),
        ('message: "Deletes {target}."', "", '"message" is missing'),
    ],
)
def test_a_wrong_rule_is_refused_with_the_reason(before, after, says):
    assert before in GOOD
    with pytest.raises(RuleError, match=r"rules/x/y\.yaml") as refused:
        parse_rule(GOOD.replace(before, after, 1), "x/y.yaml")
    assert says in str(refused.value)


def test_the_digest_changes_with_any_rule_file(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "example.yaml").write_text(GOOD)
    before = ruleset_digest(tmp_path)
    ruleset_digest.cache_clear()
    from cli_tuner.guard import rule as module

    module._texts.cache_clear()
    (tmp_path / "a" / "example.yaml").write_text(GOOD.replace("Deletes", "Removes"))
    assert ruleset_digest(tmp_path) != before
    assert len(ruleset_digest()) == 64
